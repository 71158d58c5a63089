"""Speed of DDP, bare against everybatch headless, watched, and with a monitor whose terminal stands still.

``python -m tests.bench.training_speed [CYCLES]``. A plain script under torchrun and, for each way, an ``everybatch
train`` with log, both CSV files, journal and its own monitor, if any, take turns of some seconds: all others are
stopped by SIGSTOP. Each turn of ours is compared with the bare turns right before and after it, so what the machine
does in a minute is the same for both. A second copy of the plain script takes turns as well: how far its ratio is
from 1 tells how far to trust the others. Two ranks fill every core of a two-core machine; with one, a core is idle.
The programs are started anew for each of the blocks. Beside the speed, which the machine shakes, stands a figure
that it does not: the CPU that the run process and the monitor use in a turn of ours.
"""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from .bare_ddp import ends_of_steps
from .monitor_load import Screen, watcher
from .results import ROOT, interval, save

TURN_SECONDS = 2.5
SETTLE_SECONDS = 0.5
"""At the start of a turn, not counted: caches fill, and a monitor paints its screen anew."""
BLOCKS = 2
TASKS = {"small": "tests.bench.small_task:Small", "medium": "phantoms"}
BARE, AGAIN = "bare", "bare again"
WAYS = (AGAIN, "headless", "watched", "stalled")
Steps = np.ndarray[Any, np.dtype[np.float64]]
"""[steps, 2]: epoch, and seconds at the end of the step on some clock."""


class Training:
    """One training, with all processes that run and stop together."""

    def __init__(self, command: list[str]) -> None:
        """Start it, and wait until it trains."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(self.steps()) < 50:
            assert self._process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} does not train"
            time.sleep(0.2)
        root = psutil.Process(self._process.pid)
        self._processes = [root, *root.children(recursive=True)]
        self.rank_pids: Sequence[int] = ()

    def steps(self) -> Steps:
        """What rank 0 has done."""
        raise NotImplementedError

    def send(self, number: signal.Signals) -> None:
        """Send all its processes a signal."""
        for process in self._processes:
            process.send_signal(number)

    def turn(self) -> float:
        """Let only this one run for a turn; the share of a core that all but the ranks use once it is settled."""
        self.send(signal.SIGCONT)
        time.sleep(SETTLE_SECONDS)
        before = self.cpu_seconds()
        time.sleep(TURN_SECONDS - SETTLE_SECONDS)
        self.send(signal.SIGSTOP)
        return (self.cpu_seconds() - before) / (TURN_SECONDS - SETTLE_SECONDS)

    def cpu_seconds(self) -> float:
        """What all processes but the ranks have used."""
        times = [process.cpu_times() for process in self._processes if process.pid not in self.rank_pids]
        return sum(one.user + one.system for one in times)

    def end(self) -> None:
        """Kill it, once what it measured is written."""
        self.send(signal.SIGCONT)
        time.sleep(0.5)
        self.send(signal.SIGKILL)
        self._process.wait()


class Bare(Training):
    """The plain script under torchrun."""

    def __init__(self, task: str, ranks: int, folder: Path) -> None:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        self._file = str(folder / "ends")
        ends_of_steps(self._file, "w+")
        super().__init__([*torchrun, str(ROOT / "tests/bench/bare_ddp.py"), "100000", task, self._file])

    def steps(self) -> Steps:
        ends = ends_of_steps(self._file)
        return np.array(ends[: np.searchsorted(-ends[:, 1], 0)])


class Ours(Training):
    """``everybatch train``, its monitor in a terminal of its own."""

    def __init__(self, task: str, ranks: int, folder: Path, way: str) -> None:
        """`task` as on the command line."""
        self._folder = folder
        self.screen: Screen | None = None
        flags = ["--task", task, "--nproc", str(ranks), "--epochs", "100000", "--output_dir", str(folder)]
        train = [sys.executable, str(ROOT / "src/train_ddp.py"), "--no-tui", "--log_batch_metrics"]
        super().__init__([*train, *flags])
        (private,) = folder.glob(".everybatch/2*")
        self.rank_pids = json.loads((private / "run.json").read_text())["rank_pids"]
        if way != "headless":
            self.screen = Screen(watcher(private), 140, 40, reads=way == "watched")
            time.sleep(3)
            self._processes += [self.screen.process, *self.screen.process.children(recursive=True)]

    def steps(self) -> Steps:
        for path in self._folder.glob("metrics/batch_metrics_*.csv"):
            with path.open() as file:
                rows = [(float(row["epoch"]), float(row["elapsed_seconds"])) for row in csv.DictReader(file)]
            return np.array(rows).reshape(-1, 2)
        return np.empty((0, 2))

    def end(self) -> None:
        super().end()
        if self.screen is not None:
            self.screen.end()


def seconds_of_turns(steps: Steps) -> list[float]:
    """Mean seconds of a step in each turn, nan if it has none; a turn begins where a step spans that of another."""
    starts = np.flatnonzero(np.diff(steps[:, 1], prepend=-np.inf) > 0.9 * TURN_SECONDS)
    means = []
    for turn in np.split(steps, starts)[1:]:
        counted = turn[turn[:, 1] > turn[0, 1] + SETTLE_SECONDS]
        lengths = np.diff(counted[:, 1])[np.diff(counted[:, 0]) == 0]  # validation between epochs is not a step
        means.append(float(lengths.mean()) if len(lengths) else math.nan)
    return means


def started(task: str, ranks: int, folder: Path, way: str) -> Training:
    """The training of `way`, stopped."""
    folder.mkdir()
    bare = way in (BARE, AGAIN)
    training = Bare(task, ranks, folder) if bare else Ours(task, ranks, folder, way)
    training.send(signal.SIGSTOP)
    return training


def block(task: str, ranks: int, cycles: int) -> list[dict[str, Any]]:
    """Each way once a cycle: its speed, the bare loop's being 1."""
    order = [WAYS[(cycle + place) % len(WAYS)] for cycle in range(cycles) for place in range(len(WAYS))]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        trainings = {way: started(TASKS[task], ranks, Path(name) / way, way) for way in (BARE, *WAYS)}
        trainings[BARE].turn()
        beside = []
        for way in order:
            beside.append(trainings[way].turn())
            trainings[BARE].turn()
        for training in trainings.values():
            training.end()
        steps = {way: training.steps() for way, training in trainings.items()}
    turns = {}
    for way, count in ((BARE, len(order) + 1), *Counter(order).items()):
        _, *rest = seconds_of_turns(steps[way])  # the rest may end with what `end` let it do
        assert count <= len(rest) <= count + 1, f"{way}: {len(rest)} turns, not {count}"
        turns[way] = iter(rest)
    before = next(turns[BARE])
    rows = []
    for way, cores in zip(order, beside, strict=True):
        step, after = next(turns[way]), next(turns[BARE])
        speed = (before + after) / 2 / step
        before = after
        if math.isfinite(speed):
            rows.append({"task": task, "ranks": ranks, "way": way, "step": step, "speed": speed, "beside": cores})
    return rows


def main() -> None:
    """Measure and keep the result."""
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    rows = []
    for ranks in (1, 2):
        for task in TASKS:
            of_case = [row for _ in range(BLOCKS) for row in block(task, ranks, cycles)]
            for way in WAYS:
                speeds = [row["speed"] for row in of_case if row["way"] == way]
                step = 1000 * np.median([row["step"] for row in of_case if row["way"] == way])
                low, high = interval(speeds)
                beside = 100 * np.mean([row["beside"] for row in of_case if row["way"] == way])
                processor = "" if way == AGAIN else f", {beside:.1f} % of a core"
                case = f"{ranks} ranks, {task} ({step:.2f} ms), {way}"
                speed = f"{np.median(speeds):.3f} ({low:.3f} to {high:.3f})"
                print(f"{case}: {speed}{processor}", flush=True)
            rows += of_case
    save("training_speed", rows)


if __name__ == "__main__":
    main()
