"""Finds the rank that the others wait for.

In DDP every step ends at the same time on all ranks, so the time of a step tells nothing. What a rank does before
backward (data and forward) does: the rank for which it takes longest holds up the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

DECAY = 0.95
"""Weight of the past at each batch: about the last 20 batches count."""
FEWEST = 20
"""Batches of a rank before it is judged."""
SLOWER = 1.25
"""A straggler is at least this many times as busy as the median rank."""
SHARE = 0.05
"""What it is busy longer than the median rank is at least this share of its step."""


class StragglerWatch:
    """Keeps a moving average of what each rank does before it waits."""

    def __init__(self) -> None:
        self.busy: dict[int, float] = {}
        """Seconds that a rank is busy before it waits, by rank."""
        self._step: dict[int, float] = {}
        self._seen: dict[int, int] = {}

    def add(self, rank: int, busy_seconds: float, step_seconds: float) -> None:
        """Take one batch of one rank."""
        self._seen[rank] = self._seen.get(rank, 0) + 1
        self.busy[rank] = DECAY * self.busy.get(rank, busy_seconds) + (1 - DECAY) * busy_seconds
        self._step[rank] = DECAY * self._step.get(rank, step_seconds) + (1 - DECAY) * step_seconds

    def stragglers(self) -> Mapping[int, float]:
        """Ranks that hold up the others, with how many times as busy as the median rank each is."""
        if len(self.busy) < 2 or min(self._seen.values()) < FEWEST:
            return {}
        ordered = sorted(self.busy.values())
        median = ordered[(len(ordered) - 1) // 2]
        return {
            rank: busy / median
            for rank, busy in self.busy.items()
            if median > 0 and busy > SLOWER * median and busy - median > SHARE * self._step[rank]
        }
