"""Writes BENCHMARKS.md and its pictures from what the benchmarks kept: ``python -m tests.bench.report``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import pictures, tables
from .results import ROOT, load, machine, version

PAGE = ROOT / "BENCHMARKS.md"


def section(name: str, title: str, text: str, body: Callable[[Any], str]) -> str:
    """One benchmark: what it measures, when and with which command, and its result.

    One that was not run in this folder stays as the page has it.
    """
    kept = load(name)
    head = f"## {title}\n\n{text}\n\n`python -m tests.bench.{name}`"
    if kept is None:
        page = PAGE.read_text("utf-8") if PAGE.exists() else ""
        _, found, rest = page.partition(f"## {title}\n")
        return found + rest.partition("\n## ")[0] if found else f"{head}: not run.\n"
    return f"{head}, {kept['at']}, {kept['machine']}.\n\n{body(kept['rows'])}\n"


def main() -> None:
    """Write the page."""
    pictures.FOLDER.mkdir(parents=True, exist_ok=True)
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "textual", "msgspec", "rich"))
    parts = [
        "# Benchmarks\n\n`make bench` measures all of this side by side and writes this page; peers are "
        "installed by the extra `bench`. Figures of different machines and days do not compare, ratios within a "
        "table do; each section says when and where it was measured.\n\n"
        f"This page: {machine()}; {packages}.\n",
        section(
            "thread_cost",
            "Cost on the training thread",
            "One process a logger, one thread of torch; a batch is busy work of the given length, and the call "
            "that logs it is timed, reading the loss included; all loggers in turn, three times. everybatch runs "
            "with log, both CSV files, journal and the monitor open.",
            tables.thread_cost,
        ),
        section(
            "hooks_cost",
            "Hooks of an unchanged script",
            "A tiny model on one thread of torch; turns of a hundred batches of the loader with the hooks and "
            "without them follow each other, and each turn with them is compared with the one before. These "
            "batches are as short as can be.",
            tables.hooks_cost,
        ),
        section(
            "training_speed",
            "Training speed",
            "Two loops take turns of about a third of a second within the ranks of one training: everybatch's with "
            "every batch in log, CSV and journal, and a plain one on the same model, optimizer and data, in whose "
            "turns the run process and the monitor are stopped. First headless, then with the monitor open at "
            "140×40 (watched), then with a monitor whose terminal stands still (stalled); one thread a rank. Each "
            "turn is compared with the plain ones before and after it; 1 means no cost, in brackets 95 % of the "
            "median by bootstrap. In *plain again* both loops are plain: what differs there is the machine. One "
            "rank leaves a core idle, two fill the machine. The sending threads of the ranks are not stopped in "
            "plain turns, they look every 30 ms and find nothing.",
            tables.training_speed,
        ),
        section(
            "watching",
            "Watching",
            "One training without a monitor of its own, and one thing after another beside it: a monitor at "
            "140×40; a process that only computes, as much and in as many pieces as the monitor; one as busy as "
            "the run process is by itself. The steps that a frame or a piece touches are compared with those right "
            "before and after it, and the loss is spread over all the time: 1 means no cost, in brackets 95 % by "
            "bootstrap. The processes that compute are the floor: that much work costs so much, whatever it does. "
            "A monitor whose terminal stands still draws nothing; it, and a process that sleeps, are stopped for a "
            "tenth of a second and then may go on for one, and the second is compared with the first. Not in it: "
            "what a monitor does between frames (it reads the system every two seconds), what a frame leaves "
            "behind for longer than those steps, and what everybatch costs within the ranks.",
            tables.watching,
        ),
        section(
            "starting",
            "Start",
            "Two ranks; the plain script under torchrun in turns with everybatch.",
            tables.starting,
        ),
        section(
            "throughput",
            "Throughput of the recorder",
            "Prepared messages of simulated ranks through queue, tally, log, both CSV files and journal, "
            "all on one core; median and range of the rounds. An event is one rank's batch.",
            tables.throughput,
        ),
        section(
            "monitor_load",
            "The monitor",
            "In a real pseudo-terminal, watching a made-up run that grows at the given rate; its CPU in ten "
            "seconds, and the least and the most in two of them.",
            tables.monitor_load,
        ),
        section(
            "loading",
            "Loading pictures",
            "Crops of `image_folder` without a training, on two cores: seconds until the first can be asked for, "
            "samples a second in one process and by two loader processes, and the largest memory of the first "
            "process, mapped files included. Cold: nothing is remembered; warm: the second start.",
            tables.loading,
        ),
        section(
            "cuda", "CUDA", "Eight matrix products a batch; milliseconds a batch, median of five.", tables.cuda
        ),
        (Path(__file__).parent / "attempts.md").read_text("utf-8"),
    ]
    PAGE.write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    main()
