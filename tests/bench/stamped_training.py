"""A training without a monitor of its own, whose ranks note when each batch begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from .results import ROOT
from .stamped_tasks import AGAIN, BESIDE, FIRST, FOLDER_VARIABLE, TURN, orders_of, stamps_of

TASKS = {"small": "tests.bench.stamped_tasks:Small", "medium": "tests.bench.stamped_tasks:Medium"}
START_SECONDS = 120
LEAD_SECONDS = 1.0
"""An order is given so long before it counts, so that all ranks have it."""
Array = np.ndarray[Any, np.dtype[np.float64]]


class StampedTraining:
    """``everybatch train --no-tui`` with every batch in log, both CSV files and journal; one thread a rank."""

    def __init__(self, task: str, ranks: int, folder: Path) -> None:
        """Start it, and wait until it trains."""
        stamps = [stamps_of(folder, rank, "w+") for rank in range(ranks)]
        self._stamps = stamps
        self._orders = orders_of(folder, "w+")
        flags = ["--task", TASKS[task], "--nproc", str(ranks), "--epochs", "1", "--output_dir", str(folder)]
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "src/train_ddp.py"), "--no-tui", "--log_batch_metrics", *flags],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), FOLDER_VARIABLE: str(folder)},
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not all(of_rank[50] for of_rank in stamps):
            assert self._process.poll() is None, "the training ended"
            assert time.monotonic() < deadline, "it does not train"
            time.sleep(0.2)
        (self.private,) = folder.glob(".everybatch/2*")
        self._rank_pids = json.loads((self.private / "run.json").read_text())["rank_pids"]
        root = psutil.Process(self._process.pid)
        self._processes = [root, *root.children(recursive=True)]

    @property
    def beside(self) -> list[psutil.Process]:
        """All its processes but the ranks."""
        return [process for process in self._processes if process.pid not in self._rank_pids]

    def cpu_seconds(self) -> float:
        """What all processes but the ranks have used."""
        times = [process.cpu_times() for process in self.beside]
        return sum(one.user + one.system for one in times)

    def batches(self, began: float, ended: float) -> list[Array]:
        """When each batch between two times began, for each rank; below 0 that of a plain one."""
        times = [np.abs(stamps) for stamps in self._stamps]
        return [
            np.array(stamps[(at >= began) & (at < ended)]) for stamps, at in zip(self._stamps, times, strict=True)
        ]

    def alternate(self, turn: int, again: int = 0) -> None:
        """From about `LEAD_SECONDS` on train plain turns of so many batches between turns of everybatch's loop.

        Before the first of its turns come `again` pairs of plain ones.
        """
        ours = int((self._stamps[0] > 0).sum())
        lead = int((np.abs(self._stamps[0]) > time.monotonic() - LEAD_SECONDS).sum())
        self._orders[AGAIN] = again
        self._orders[FIRST] = ours + lead
        self._orders[TURN] = turn

    def stop_in_plain_turns(self, processes: list[psutil.Process]) -> None:
        """Stop these, and none before."""
        pids = [process.pid for process in processes]
        self._orders[BESIDE:] = 0
        self._orders[BESIDE : BESIDE + len(pids)] = pids

    def end(self) -> None:
        """Kill it."""
        for process in self._processes:
            process.kill()
        self._process.wait()
