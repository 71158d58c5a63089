"""Speed of DDP, bare against everybatch headless, watched, and with a monitor whose terminal stands still.

``python -m tests.bench.training_speed [CYCLES]``. A plain script under torchrun and ``everybatch train`` with log,
both CSV files and journal run beside each other, and take turns of two seconds: all others are stopped by SIGSTOP,
monitors too. Each turn of ours is compared with the bare turns right before and after it, so what the machine does
in a minute is the same for both. A second copy of the plain script takes turns as well: how far its ratio is from 1
tells how far to trust the others. Two ranks fill every core of a two-core machine; with one, a core is idle. The
programs are started anew for each of the blocks. Beside the speed, which the machine shakes, stands a figure that
it does not: the CPU that the run process and the monitor use in a turn of ours.
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
from .monitor_load import Screen
from .results import ROOT, interval, save

TURN_SECONDS = 2.0
SETTLE_SECONDS = 0.4
"""At the start of a turn, not counted: caches fill, and a monitor reads what it missed."""
BLOCKS = 2
TASKS = {"small": "tests.bench.small_task:Small", "medium": "phantoms"}
AGAIN = "bare again"
WAYS = (AGAIN, "headless", "watched", "stalled")
Steps = np.ndarray[Any, np.dtype[np.float64]]
"""[steps, 2]: epoch, and seconds at the end of the step on some clock."""


class Programs:
    """Processes that run and stop together."""

    def __init__(self, root: psutil.Process) -> None:
        """Of `root` and all below it."""
        self.processes = [root, *root.children(recursive=True)]

    def send(self, number: signal.Signals) -> None:
        """Send all of them a signal."""
        for process in self.processes:
            process.send_signal(number)

    def cpu_seconds(self, without: Sequence[int] = ()) -> float:
        """What they have used so far, `without` some, by their pid."""
        times = [process.cpu_times() for process in self.processes if process.pid not in without]
        return sum(one.user + one.system for one in times)


class Training:
    """One training."""

    def __init__(self, command: list[str], folder: Path) -> None:
        """Start it, and wait until it trains."""
        self.folder = folder
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(self.steps()) < 50:
            assert self._process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} does not train"
            time.sleep(0.2)
        self.programs = Programs(psutil.Process(self._process.pid))

    def steps(self) -> Steps:
        """What rank 0 has done."""
        raise NotImplementedError

    def end(self) -> None:
        """Kill it, once what it measured is written."""
        self.programs.send(signal.SIGCONT)
        time.sleep(0.5)
        self.programs.send(signal.SIGKILL)
        self._process.wait()


class Bare(Training):
    """The plain script under torchrun."""

    def __init__(self, task: str, ranks: int, folder: Path) -> None:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        self._file = str(folder / "ends")
        ends_of_steps(self._file, "w+")
        super().__init__([*torchrun, str(ROOT / "tests/bench/bare_ddp.py"), "100000", task, self._file], folder)

    def steps(self) -> Steps:
        ends = ends_of_steps(self._file)
        return np.array(ends[: np.searchsorted(-ends[:, 1], 0)])


class Ours(Training):
    """``everybatch train`` without its own monitor."""

    def __init__(self, task: str, ranks: int, folder: Path) -> None:
        flags = ["--task", task, "--nproc", str(ranks), "--epochs", "100000", "--output_dir", str(folder)]
        train = [sys.executable, str(ROOT / "src/train_ddp.py"), "--no-tui", "--log_batch_metrics"]
        super().__init__([*train, *flags], folder)
        (self.private,) = folder.glob(".everybatch/2*")
        self.rank_pids: list[int] = json.loads((self.private / "run.json").read_text())["rank_pids"]

    def steps(self) -> Steps:
        for path in self.folder.glob("metrics/batch_metrics_*.csv"):
            with path.open() as file:
                rows = [(float(row["epoch"]), float(row["elapsed_seconds"])) for row in csv.DictReader(file)]
            return np.array(rows).reshape(-1, 2)
        return np.empty((0, 2))


def seconds_of_turns(steps: Steps) -> list[float]:
    """Mean seconds of a step in each turn, nan if it has none; a turn begins where a step spans that of another."""
    starts = np.flatnonzero(np.diff(steps[:, 1], prepend=-np.inf) > 0.9 * TURN_SECONDS)
    means = []
    for turn in np.split(steps, starts)[1:]:
        counted = turn[turn[:, 1] > turn[0, 1] + SETTLE_SECONDS]
        lengths = np.diff(counted[:, 1])[np.diff(counted[:, 0]) == 0]  # validation between epochs is not a step
        means.append(float(lengths.mean()) if len(lengths) else math.nan)
    return means


def block(task: str, ranks: int, cycles: int) -> list[dict[str, Any]]:
    """Each way once a cycle: its speed, the bare loop's being 1."""
    order = [WAYS[(cycle + place) % len(WAYS)] for cycle in range(cycles) for place in range(len(WAYS))]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        trainings: list[Training] = []
        for kind in (Bare, Bare, Ours):
            for training in trainings:
                training.programs.send(signal.SIGSTOP)
            folder = Path(name) / str(len(trainings))
            folder.mkdir()
            trainings.append(kind(TASKS[task], ranks, folder))
        bare, again, ours = trainings
        assert isinstance(ours, Ours)
        screens = {
            "watched": Screen(ours.private, 140, 40),
            "stalled": Screen(ours.private, 140, 40, reads=False),
        }
        time.sleep(3)
        monitors = {way: Programs(screen.process) for way, screen in screens.items()}
        for programs in (ours.programs, *monitors.values()):
            programs.send(signal.SIGSTOP)
        beside = []
        turn([bare.programs])
        for way in order:
            running = [again.programs] if way == AGAIN else [ours.programs]
            running += [programs for name, programs in monitors.items() if name == way]
            without = [] if way == AGAIN else ours.rank_pids
            used = sum(programs.cpu_seconds(without) for programs in running)
            turn(running)
            used = sum(programs.cpu_seconds(without) for programs in running) - used
            beside.append(math.nan if way == AGAIN else used / TURN_SECONDS)
            turn([bare.programs])
        for screen in screens.values():
            screen.end()
        for training in trainings:
            training.end()
        steps = {"bare": bare.steps(), AGAIN: again.steps(), "ours": ours.steps()}
    names = [way if way == AGAIN else "ours" for way in order]
    turns = {}
    for name, count in (("bare", len(order) + 1), *Counter(names).items()):
        _, *rest = seconds_of_turns(steps[name])  # the rest may end with what `end` let it do
        assert count <= len(rest) <= count + 1, f"{name}: {len(rest)} turns, not {count}"
        turns[name] = iter(rest)
    before = next(turns["bare"])
    rows = []
    for way, name, cores in zip(order, names, beside, strict=True):
        step, after = next(turns[name]), next(turns["bare"])
        speed = (before + after) / 2 / step
        before = after
        if math.isfinite(speed):
            rows.append({"task": task, "ranks": ranks, "way": way, "step": step, "speed": speed, "beside": cores})
    return rows


def turn(all_programs: list[Programs]) -> None:
    """Let only these run for a turn."""
    for programs in all_programs:
        programs.send(signal.SIGCONT)
    time.sleep(TURN_SECONDS)
    for programs in all_programs:
        programs.send(signal.SIGSTOP)


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
