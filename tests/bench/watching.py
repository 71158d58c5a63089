"""What watching takes from a training, frame by frame: ``python -m tests.bench.watching [SECONDS]``.

The machine shakes the length of a step by a tenth, in a hundredth of a second as in a minute, so turns with and
without a monitor would need hours to show one percent. A frame, however, is a matter of milliseconds: the steps
that it touches are compared with the steps right before and after it. The same is done with a process that only
uses as much of a core as the monitor, in as many pieces: what so much work costs whatever it does; and with one
that does so in the place of the run process.

A monitor whose terminal stands still draws no frame. It is stopped and continued five times a second, and both
halves are compared, beside the CPU that it uses when it is left alone; the same is done with a process that only
sleeps.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from .monitor_load import Screen, watcher
from .results import save
from .stamped_training import TASKS, Array, StampedTraining

RECORDER_SECONDS = 0.08
"""The recorder works so often."""
HALF_SECONDS = 0.1
"""So long is a stalled monitor stopped, and so long it may go on."""


class Busy:
    """A process that computes for `burst` seconds of CPU `per_second` times a second, and does nothing else."""

    def __init__(self, burst: float, per_second: float) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_be_busy, args=(burst, 1 / per_second, theirs), daemon=True)
        self._process.start()

    def end(self) -> list[float]:
        """End it; when each burst ended."""
        self._ours.send("end")
        ends: list[float] = self._ours.recv()
        self._process.join()
        return ends


def _be_busy(burst: float, period: float, told: Connection) -> None:
    ends: list[float] = []
    due = time.monotonic()
    while not told.poll(max(0.0, due - time.monotonic())):
        until = time.process_time() + burst
        while time.process_time() < until:
            pass
        ends.append(time.monotonic())
        due += period
    told.send(ends)


def lost(batches: Array, ends: Array, burst: float) -> dict[str, float]:
    """Speed with bursts over the speed beside them, and its 95 % interval.

    A burst is looked for in three times its length before its end, as it may have to share the core, and once
    after; a step more on both sides, for the step that it falls into. What is beside belongs to the burst before.
    """
    done = np.arange(len(batches), dtype=np.float64)
    step = float(np.median(np.diff(batches)))
    ends = ends[(ends > batches[0] + 3 * burst + step) & (ends < batches[-1] - burst - step)]
    begins, ends = ends - 3 * burst - step, ends + burst + step
    apart = begins[1:] > ends[:-1]  # two in a row count as one
    begins, ends = begins[np.r_[True, apart]], ends[np.r_[apart, True]]
    at = np.interp(np.column_stack([begins, ends]), batches, done)
    in_steps, in_seconds = np.diff(at)[:-1, 0], (ends - begins)[:-1]
    out_steps, out_seconds = at[1:, 0] - at[:-1, 1], begins[1:] - ends[:-1]

    def speed(chosen: Any) -> float:
        inside, outside = in_steps[chosen].sum(), out_steps[chosen].sum()
        seconds = in_seconds[chosen].sum() + out_seconds[chosen].sum()
        return float((inside + outside) / seconds / (outside / out_seconds[chosen].sum()))

    every = np.arange(len(in_steps))
    drawn = np.random.default_rng(0).choice(every, (1000, len(every)))
    low, high = np.quantile([speed(chosen) for chosen in drawn], (0.025, 0.975))
    return {"speed": speed(every), "low": float(low), "high": float(high), "times": len(every)}


def toggled(training: StampedTraining, seconds: float, process: psutil.Process) -> list[dict[str, Any]]:
    """A row for each rank: its speed while the process may go on, 1 being that while it is stopped."""
    switches = [time.monotonic()]
    while switches[-1] < switches[0] + seconds:
        for number in (signal.SIGSTOP, signal.SIGCONT):
            process.send_signal(number)
            time.sleep(HALF_SECONDS)
            switches.append(time.monotonic())
    rows = []
    for batches in training.batches(switches[0] - 1, switches[-1] + 1):
        done = np.interp(switches, batches, np.arange(len(batches)))
        rate = (np.diff(done) / np.diff(switches)).reshape(-1, 2)  # stopped, going
        drawn = np.random.default_rng(0).choice(len(rate), (1000, len(rate)))
        low, high = np.quantile(rate[drawn, 1].sum(1) / rate[drawn, 0].sum(1), (0.025, 0.975))
        speed = float(rate[:, 1].sum() / rate[:, 0].sum())
        rows.append({"speed": speed, "low": float(low), "high": float(high), "times": len(rate)})
    return rows


def stalled(training: StampedTraining, seconds: float) -> list[dict[str, Any]]:
    """A monitor whose terminal stands still, a row for each rank; its CPU is that when it is left alone."""
    screen = Screen(watcher(training.private), 140, 40, reads=False)
    time.sleep(5)
    before, began = screen.cpu(), time.monotonic()
    time.sleep(seconds / 3)
    cpu = (screen.cpu() - before) / (time.monotonic() - began)
    rows = toggled(training, seconds, screen.process)
    screen.end()
    return [{**row, "cpu": cpu} for row in rows]


def asleep(training: StampedTraining, seconds: float) -> list[dict[str, Any]]:
    """The same with a process that only sleeps."""
    process = psutil.Popen(["sleep", "infinity"])
    rows = toggled(training, seconds, process)
    process.kill()
    process.wait()
    return [{**row, "cpu": 0.0} for row in rows]


def watched(training: StampedTraining, seconds: float) -> tuple[list[dict[str, Any]], float, float]:
    """With a monitor: a row for each rank, its CPU seconds a frame, and frames a second."""
    screen = Screen(watcher(training.private), 140, 40)
    time.sleep(5)
    before, drawn, began = screen.cpu(), len(screen.frame_ends), time.monotonic()
    time.sleep(seconds)
    used, ends, ended = screen.cpu() - before, np.array(screen.frame_ends[drawn:]), time.monotonic()
    screen.end()
    burst = used / len(ends)
    rows = [lost(batches, ends, burst) for batches in training.batches(began, ended)]
    return [{**row, "cpu": used / (ended - began)} for row in rows], burst, len(ends) / (ended - began)


def beside(training: StampedTraining, seconds: float, burst: float, per_second: float) -> list[dict[str, Any]]:
    """With a process that computes, a row for each rank."""
    busy = Busy(burst, per_second)
    began = time.monotonic()
    time.sleep(seconds)
    ended = time.monotonic()
    ends = np.array(busy.end())
    rows = [lost(batches, ends, burst) for batches in training.batches(began, ended)]
    return [{**row, "cpu": burst * per_second} for row in rows]


def case(task: str, ranks: int, seconds: float) -> list[dict[str, Any]]:
    """All that stands beside one training, in turn."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        training = StampedTraining(task, ranks, Path(name))
        try:
            step, measured = _beside_one(training, seconds)
        finally:
            training.end()
    return [
        {"task": task, "ranks": ranks, "step": step, "what": what, "rank": rank, **row}
        for what, rows in measured.items()
        for rank, row in enumerate(rows)
    ]


def _beside_one(training: StampedTraining, seconds: float) -> tuple[float, dict[str, list[dict[str, Any]]]]:
    before, began = training.cpu_seconds(), time.monotonic()
    time.sleep(seconds / 3)
    own, ended = (training.cpu_seconds() - before) / (time.monotonic() - began), time.monotonic()
    step = float(np.diff(training.batches(began, ended)[0]).mean())
    of_monitor, burst, per_second = watched(training, seconds)
    return step, {
        "monitor": of_monitor,
        "as busy as the monitor": beside(training, seconds, burst, per_second),
        "as busy as the run process": beside(training, seconds, own * RECORDER_SECONDS, 1 / RECORDER_SECONDS),
        "stalled monitor": stalled(training, seconds),
        "a process that sleeps": asleep(training, seconds),
    }


def main() -> None:
    """Measure and keep the result."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    rows = []
    for ranks in (1, 2):
        for task in TASKS:
            rows += case(task, ranks, seconds)
            print(*rows[-5 * ranks :], sep="\n", flush=True)
    save("watching", rows)


if __name__ == "__main__":
    main()
