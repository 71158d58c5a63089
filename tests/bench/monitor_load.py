"""The monitor under load, in a real pseudo-terminal: CPU, frames, key-to-paint latency, memory.

``python -m tests.bench.monitor_load [PER_SECOND …]`` replays a made-up run at each rate, at 140×40 and 80×24, then
once more with no core idle, beside an app that only paints, and attaches to runs of 34,200 and 1,000,000 batches.
"""

from __future__ import annotations

import fcntl
import math
import multiprocessing
import os
import pty
import signal
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from .. import replay
from .results import save

RATES = [0.0, 10.0, 500.0, 5000.0, 50000.0]
SECONDS = 10
WINDOWS = 5
KEYS = 60
FULL_RATE = 500.0
FRAME_GAP = 0.02
"""Seconds without output between two frames."""


class Screen:
    """A monitor in a pseudo-terminal, or another app."""

    def __init__(self, arguments: Sequence[str], columns: int, rows: int, *, reads: bool = True) -> None:
        """`arguments` of python. Without `reads` the terminal stands still, as behind a stalled ssh link."""
        self.bytes = 0
        self.frame_ends: list[float] = []
        """`time.monotonic()`."""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            for name in ("SSH_TTY", "SSH_CONNECTION"):
                os.environ.pop(name, None)
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, *arguments])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = psutil.Process(self.pid)
        self._tail = b""
        self._arrived = threading.Condition()
        if reads:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        read_at = 0.0
        while True:
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:
                return
            now = time.monotonic()
            if now - read_at > FRAME_GAP:
                self.frame_ends.append(now)
            self.frame_ends[-1] = read_at = now
            with self._arrived:
                self.bytes += len(data)
                self._tail = (self._tail + data)[-(1 << 17) :]
                self._arrived.notify()

    def press(self, key: str, shows: str) -> float:
        """Press a key; the seconds until `shows` is painted."""
        with self._arrived:
            self._tail = b""
            began = time.monotonic()
            os.write(self._terminal, key.encode())
            painted = self._arrived.wait_for(lambda: shows.encode() in self._tail, timeout=5)
            assert painted, f"{shows} was not painted"
            return time.monotonic() - began

    def cpu(self) -> float:
        """CPU seconds so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def use(self, seconds: float) -> dict[str, float]:
        """What it uses in so many seconds: share of a core, frames and kB a second."""
        before, sent, drawn, began = self.cpu(), self.bytes, len(self.frame_ends), time.monotonic()
        time.sleep(seconds)
        return {
            "cpu": (self.cpu() - before) / (time.monotonic() - began),
            "frames": (len(self.frame_ends) - drawn) / seconds,
            "kB_per_second": (self.bytes - sent) / seconds / 1000,
        }

    def end(self) -> None:
        """Kill it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


def watcher(private: Path) -> list[str]:
    """Arguments of python that open the monitor of a run."""
    return ["-m", "everybatch.app.watch", str(private)]


def load(per_second: float, columns: int, rows: int, *, full: bool = False) -> dict[str, float]:
    """Replay at a rate, and measure: share of a core, kB to the terminal a second, ms from key to paint.

    With `full`, no core is idle, so that the monitor governs itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        private = replay.make_folder(Path(folder))
        context = multiprocessing.get_context("fork")
        steps = int(per_second * (SECONDS + 30)) or 5000  # without a rate the run stands still
        others = [context.Process(target=replay.write, args=(private, steps, per_second or math.inf))]
        others += [context.Process(target=spin) for _ in range(os.cpu_count() or 1) if full]
        for other in others:
            other.start()
        screen = Screen(watcher(private), columns, rows)
        time.sleep(3)
        windows = [screen.use(SECONDS / WINDOWS) for _ in range(WINDOWS)]
        used = {key: statistics.fmean(window[key] for window in windows) for key in windows[0]}
        cores = [window["cpu"] for window in windows]
        latencies = []
        for i in range(KEYS):
            latencies.append(1000 * screen.press(" ", "停在" if i % 2 == 0 else "跟随"))
            time.sleep(0.07)
        memory = screen.process.memory_info().rss / 1e6
        screen.end()
        for other in others:
            other.kill()
    ordered = sorted(latencies)
    return {
        "per_second": per_second,
        "columns": columns,
        "rows": rows,
        "full": full,
        **used,
        "cpu_low": min(cores),
        "cpu_high": max(cores),
        "key_p50": statistics.median(ordered),
        "key_p95": ordered[int(0.95 * KEYS)],
        "memory_MB": memory,
    }


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


def attach(steps: int) -> dict[str, float]:
    """Attach to a run that is there already: seconds until it is read, memory, ms to its first line."""
    with tempfile.TemporaryDirectory() as folder:
        private = replay.make_folder(Path(folder))
        replay.write(private, steps, float("inf"))
        screen = Screen(watcher(private), 140, 40)
        began = time.monotonic()
        used = -1.0
        while screen.cpu() - used > 0.15:  # loaded when it is nearly idle
            used = screen.cpu()
            time.sleep(0.5)
        memory = screen.process.memory_info().rss / 1e6
        seconds = time.monotonic() - began - 0.5
        first = 1000 * screen.press("g", "停在")
        screen.end()
    return {"batches": steps, "seconds": seconds, "memory_MB": memory, "first_line_ms": first}


def floor() -> dict[str, float]:
    """What `bare_screen` uses."""
    screen = Screen(["-m", "tests.bench.bare_screen"], 140, 40)
    time.sleep(3)
    used = screen.use(SECONDS)
    screen.end()
    return used


def main() -> None:
    """Measure and keep the result."""
    rates = [float(rate) for rate in sys.argv[1:]] or RATES
    loads, attached = [], []
    for rate, full in (*((rate, False) for rate in rates), (FULL_RATE, True)):
        for size in ((140, 40), (80, 24)):
            loads.append(load(rate, *size, full=full))
            print(loads[-1], flush=True)
    for steps in (1000, 34_200, 1_000_000):
        attached.append(attach(steps))
        print(attached[-1], flush=True)
    save("monitor_load", {"loads": loads, "floor": floor(), "attached": attached})


if __name__ == "__main__":
    main()
