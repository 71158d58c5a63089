"""Kills a run at a random moment, resumes it, and compares it with one that was never interrupted."""

import os
import random
import re
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from .support import DEADLINE, REPOSITORY, Finished, Running, until

EPOCHS = 4
FLAGS = ("--task", "noisy:Task", "--epochs", str(EPOCHS), "--log_batch_metrics", "--no-tui")


@dataclass(frozen=True)
class Story:
    """What a run left, in a form that two runs can be compared by."""

    losses: dict[int, tuple[float, float, int]]
    """By step: loss, learning rate and samples, exact to the bit."""
    epochs: list[tuple[str, ...]]
    rows: int
    lines: int

    @classmethod
    def of(cls, run: Finished) -> "Story":
        from everybatch.metrics.records import BatchRecord

        batches = [record for record in run.journal() if isinstance(record, BatchRecord)]
        columns = ("epoch", "avg_loss", "min_batch_loss", "max_batch_loss", "lr", "val_loss", "samples", "status")
        rows = run.rows("batch")
        assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
        lines = {re.search(r"Epoch \[(\d+)/.* \((\d+)/", line).groups() for line in run.log_batch_lines()}
        return cls(
            {record.step: (record.loss, record.lr, record.samples) for record in batches},
            [tuple(row[column] for column in columns) for row in run.rows("epoch")],
            len(rows),
            len(lines),
        )


def start(folder: Path, *flags: str, **env: str) -> Running:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "tests" / "noisy.py", folder)
    command = [sys.executable, str(REPOSITORY / "src" / "train_ddp.py"), *flags]
    # Files, not pipes: nobody reads while the test waits for something else.
    with (folder / "stdout").open("ab") as stdout, (folder / "stderr").open("ab") as stderr:
        return Running(command, folder, env, stdout=stdout, stderr=stderr)


def finish(run: Running) -> Finished:
    run.process.wait(DEADLINE)
    until(lambda: not run.family())
    text = {name: (run.folder / name).read_text() for name in ("stdout", "stderr")}
    return Finished(run.process.returncode, text["stdout"], text["stderr"], run.folder)


def uninterrupted(folder: Path, *flags: str, **env: str) -> Story:
    run = finish(start(folder, *FLAGS, *flags, **env))
    assert run.code == 0, run.stderr
    return Story.of(run)


def killed_and_resumed(folder: Path, seed: int, *flags: str, **env: str) -> tuple[Story, str]:
    """Kill once, somewhere and somehow, then resume to the end; what it left, and what was done to it."""
    choice = random.Random(seed)
    total = EPOCHS * 12
    victim = choice.choice(["run process", "rank 0", "rank 1", "all"])
    lines, delay = choice.randrange(total), choice.random() * 0.05
    run = start(folder, *FLAGS, *flags, **env)
    try:
        # an empty log: there is no run yet that could be resumed
        until(lambda: (run.log() and run.log().count("Batch Loss") >= lines) or run.process.poll() is not None)
        time.sleep(delay)
        for process in _victims(run, victim):
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        run.process.wait(DEADLINE)
        until(lambda: not run.family())
    finally:
        run.end()
    told = f"seed {seed}: {victim} killed {1000 * delay:.0f} ms after batch {lines}"
    if run.process.returncode == 0:
        return Story.of(finish(run)), told + " (had finished)"
    resumed = finish(start(folder, "--resume", **env))
    assert resumed.code == 0, told + "\n" + resumed.stderr
    going_on = [line for line in resumed.log().splitlines() if "次尝试" in line]
    return Story.of(resumed), f"{told}; {going_on[-1].split(' ', 2)[2]}"


def _victims(run: Running, victim: str) -> list[psutil.Process]:
    if victim == "run process":
        return [psutil.Process(run.process.pid)] if psutil.pid_exists(run.process.pid) else []
    if victim == "all":
        return run.family()
    ranks = run.ranks()
    return ranks[int(victim[-1]) : int(victim[-1]) + 1]
