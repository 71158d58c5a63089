"""Decides how often the monitor draws: often when a core is idle, rarely when it would take time from the ranks.

Ranks on a full machine wait for each other, so each millisecond the monitor takes is lost by all of them; a lower
priority hardly helps. Therefore fewer frames.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque

import psutil

FASTEST = 0.1
FASTEST_OVER_SSH = 0.25
SLOWEST = 2.0
IDLE_CORES = 0.8
"""With at least this many cores idle apart from the monitor, a frame takes nothing from the training. With fewer
there is no idle core: two ranks that wait for each other at every step leave half a core idle, and need both."""
BUDGET = 0.02
"""Share of one core that the monitor may use when no core is idle."""
LOOK_SECONDS = 1.0
"""Seconds between two looks at the machine."""
COST_SECONDS = 5.0
"""The cost that is shown is the mean over this many seconds."""


class FrameRate:
    """Measures this process and the machine."""

    def __init__(self) -> None:
        self.cost = math.nan
        """CPU time of this process in the last seconds, as a share of one core."""
        over_ssh = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
        self._fastest = FASTEST_OVER_SSH if over_ssh else FASTEST
        self._idle_cores = math.inf
        self._samples: deque[tuple[float, float]] = deque()
        self._looked_at = time.monotonic()
        self._unclaimed = _unclaimed_seconds()

    def pause(self, frame_seconds: float) -> float:
        """Seconds until the next frame, when the one before took `frame_seconds` of CPU in all."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._look(now)
        if self._idle_cores >= IDLE_CORES:
            return self._fastest
        return min(SLOWEST, max(self._fastest, frame_seconds / BUDGET))

    def _look(self, now: float) -> None:
        self._samples.append((now, time.process_time()))
        while len(self._samples) > 2 and now - self._samples[0][0] > COST_SECONDS:
            self._samples.popleft()
        (began, used_before), (_, used) = self._samples[0], self._samples[-1]
        if now > began:  # the first look only marks the end of the start
            self.cost = (used - used_before) / (now - began)
        unclaimed = _unclaimed_seconds()
        self._idle_cores = (unclaimed - self._unclaimed) / max(now - self._looked_at, 1e-9)
        self._unclaimed = unclaimed
        self._looked_at = now


def _unclaimed_seconds() -> float:
    """Seconds for which the cores that this process may use were idle or ran it, summed over the cores."""
    cores = psutil.cpu_times(percpu=True)
    if hasattr(os, "sched_getaffinity"):  # because a job on a cluster often has only a few of the cores
        allowed = os.sched_getaffinity(0)
        cores = [core for number, core in enumerate(cores) if number in allowed] or cores
    return time.process_time() + sum(core.idle + getattr(core, "iowait", 0.0) for core in cores)
