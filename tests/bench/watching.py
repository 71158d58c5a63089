"""What watching costs a training: ``python -m tests.bench.watching [PAIRS]``.

The monitor of a training is stopped and continued in turn, so nothing else differs. The machine shakes the length
of a step, but not the second figure: the share of time in which the training thread was ready and had no core, as
the kernel counts it (``/proc/PID/task/TID/schedstat``).
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .results import save
from .training_speed import TASKS, Ours, Steps

SETTLE_SECONDS = 1.0
"""At the start of a turn, not counted."""
TURN_SECONDS = 3.0


@dataclass(frozen=True)
class Clock:
    """What the kernel has counted of a thread so far, in seconds."""

    ran: float
    waited: float
    """Ready, but without a core."""


def clocks(pid: int) -> dict[str, Clock]:
    """Of every thread of a process, by its id."""
    read = {}
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        ran, waited, _ = path.read_text().split()
        read[path.parent.name] = Clock(int(ran) / 1e9, int(waited) / 1e9)
    return read


def turn(training: Ours) -> dict[str, float]:
    """One turn: seconds of a step, and the share of time that the busiest thread waited for a core."""
    time.sleep(SETTLE_SECONDS)
    done, before, began = len(training.steps()), clocks(training.rank_pids[0]), time.monotonic()
    time.sleep(TURN_SECONDS)
    after, seconds = clocks(training.rank_pids[0]), time.monotonic() - began
    busiest = max(before.keys() & after.keys(), key=lambda thread: after[thread].ran - before[thread].ran)
    return {
        "step": mean_step(training.steps()[done:]),
        "waits": (after[busiest].waited - before[busiest].waited) / seconds,
    }


def mean_step(steps: Steps) -> float:
    """Seconds; validation between epochs is not a step."""
    return float(np.diff(steps[:, 1])[np.diff(steps[:, 0]) == 0].mean())


def case(task: str, ranks: int, pairs: int) -> list[dict[str, Any]]:
    """Turns with the monitor and without it."""
    rows = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name) / "run"
        folder.mkdir()
        training = Ours(TASKS[task], ranks, folder, "watched")
        for _ in range(pairs):
            watched, alone = [turn_with(training, number) for number in (signal.SIGCONT, signal.SIGSTOP)]
            rows.append({"task": task, "ranks": ranks, "watched": watched, "alone": alone})
        training.end()
    return rows


def turn_with(training: Ours, number: signal.Signals) -> dict[str, float]:
    """A turn whose monitor got a signal first."""
    assert training.screen is not None
    training.screen.process.send_signal(number)
    return turn(training)


def main() -> None:
    """Measure and keep the result."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    rows = []
    for ranks in (1, 2):
        for task in TASKS:
            rows += case(task, ranks, pairs)
            print(*rows[-pairs:], sep="\n", flush=True)
    save("watching", rows)


if __name__ == "__main__":
    main()
