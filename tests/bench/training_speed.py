"""Speed of everybatch's training over that of a plain DDP loop: ``python -m tests.bench.training_speed [SECONDS]``.

Trainings that are started apart differ by up to a quarter for as long as they live, plain ones too, so the two
loops take turns within the ranks of one training (`stamped_tasks`): everybatch's own loop with log, both CSV
files and journal, headless, with the monitor open, and with a monitor whose terminal stands still; and a plain
loop on the same model and data, in whose turns the run process and the monitor are stopped. Each turn is compared
with the plain ones right before and after it. First two plain loops take turns: how far their ratio is from 1
tells how far to trust the others. Two ranks fill every core of a two-core machine; with one, a core is idle. Each
way is measured for SECONDS times the ranks, as more ranks vary more.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from .monitor_load import Screen, watcher
from .results import save
from .stamped_tasks import SETTLE_SECONDS
from .stamped_training import TASKS, Array, StampedTraining

TURN_SECONDS = 0.3
PLAIN_AGAIN = "plain again"
WAYS = ("headless", "watched", "stalled")
WIDER = math.sqrt(4 / 3)
"""Intervals are so much wider than by bootstrap, as two speeds in a row share a plain turn: where all turns vary
alike they correlate by 1/6, and the variance of their mean is 1 + 2/6 of that of independent ones."""


def speeds_of_turns(batches: Array) -> Array:
    """Speed of each turn of everybatch's over the mean of the plain ones beside it; from stamps of one rank."""
    turns = np.split(batches, np.flatnonzero(np.diff(np.sign(batches))) + 1)[1:-1]
    first = next(place for place, turn in enumerate(turns) if turn[0] < 0)
    steps = []
    for turn in turns[first:]:
        times = np.abs(turn)
        counted = times[times > times[0] + SETTLE_SECONDS]
        steps.append((counted[-1] - counted[0]) / (len(counted) - 1))
    plain, ours = np.array(steps[0::2]), np.array(steps[1::2])
    pairs = min(len(plain) - 1, len(ours))
    return np.asarray((plain[:pairs] + plain[1 : pairs + 1]) / 2 / ours[:pairs])


def rows_of(way: str, batches: list[Array]) -> list[dict[str, Any]]:
    """A row for each rank: the median, and its bounds with 95 % confidence by bootstrap.

    Not the mean: that of ratios is above 1 by the square of what turns vary, about 0.006 with two ranks.
    """
    rows = []
    for rank, of_rank in enumerate(batches):
        speeds = speeds_of_turns(of_rank)
        median = float(np.median(speeds))
        drawn = np.random.default_rng(0).choice(speeds, (2000, len(speeds)))
        low, high = median + WIDER * (np.quantile(np.median(drawn, axis=1), (0.025, 0.975)) - median)
        bounds = {"low": float(low), "high": float(high)}
        rows.append({"way": way, "rank": rank, "turns": len(speeds), "median": median, **bounds})
    return rows


def measured(training: StampedTraining, way: str, seconds: float) -> list[dict[str, Any]]:
    """One way, with the monitor that it needs."""
    screen = None
    beside = training.beside
    if way != "headless":
        screen = Screen(watcher(training.private), 140, 40, reads=way == "watched")
        beside = [*beside, screen.process, *screen.process.children(recursive=True)]
        time.sleep(4)
    training.stop_in_plain_turns(beside)
    time.sleep(2 * TURN_SECONDS + 0.5)
    began = time.monotonic()
    time.sleep(seconds)
    ended = time.monotonic()
    training.stop_in_plain_turns([])
    time.sleep(2 * TURN_SECONDS + 0.5)
    if screen is not None:
        screen.end()
    return rows_of(way, training.batches(began, ended))


def case(task: str, ranks: int, seconds: float) -> list[dict[str, Any]]:
    """All ways, in one training."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        training = StampedTraining(task, ranks, Path(name))
        try:
            time.sleep(3)
            now = time.monotonic()
            step = float(np.median(np.diff(training.batches(now - 3, now)[0])))
            began = time.monotonic()
            training.alternate(round(TURN_SECONDS / step), again=round(seconds / (2 * TURN_SECONDS)))
            time.sleep(seconds)
            rows = rows_of(PLAIN_AGAIN, training.batches(began, time.monotonic()))
            time.sleep(seconds / 5 + 3)  # the pairs may take longer than expected
            for way in WAYS:
                rows += measured(training, way, seconds)
        finally:
            training.end()
    return [{"task": task, "ranks": ranks, "step": step, **row} for row in rows]


def main() -> None:
    """Measure and keep the result."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 110.0
    rows = []
    for ranks in (1, 2):
        for task in TASKS:
            of_case = case(task, ranks, ranks * seconds)
            print(*of_case, sep="\n", flush=True)
            rows += of_case
    save("training_speed", rows)


if __name__ == "__main__":
    main()
