"""Writes BENCHMARKS.md and its pictures from what the benchmarks kept: ``python -m tests.bench.report``."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .results import ROOT, load, machine, version
from .thread_cost import OURS

PICTURES = ROOT / "docs" / "benchmarks"
BLUE, GREY = "#2563eb", "#9ca3af"


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(titles) + " |", "|" + "|".join(["---"] + ["---:"] * (len(titles) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def section(name: str, title: str, text: str, body: Callable[[Any], str]) -> str:
    """One benchmark: what it measures, when and with which command, and its result."""
    kept = load(name)
    head = f"## {title}\n\n{text}\n\n`python -m tests.bench.{name}`"
    if kept is None:
        return f"{head}: not run.\n"
    return f"{head}, {kept['at']}, {kept['machine']}.\n\n{body(kept['rows'])}\n"


def thread_cost(rows: list[dict[str, Any]]) -> str:
    """Cost on the training thread, and on the processor."""
    lengths = sorted({row["seconds"] for row in rows if "seconds" in row})
    names = list(dict.fromkeys(row["name"] for row in rows))
    by = {(row["name"], row.get("seconds")): row for row in rows}
    parts = ["Microseconds in the call, p50 / p99 / mean:\n"]
    shown = []
    for name in names:
        if name == "no logging":
            continue
        cells = []
        for length in lengths:
            row = by.get((name, length))
            bad = row is None or "error" in row
            cells.append("–" if bad else " / ".join(_three(1e6 * row[key]) for key in ("p50", "p99", "mean")))
        label = f"**{name}**" if name == OURS else name
        shown.append([f"{label} {next(row['version'] for row in rows if row['name'] == name)}", *cells])
    parts.append(table(["logger", *(f"{1000 * length:g} ms" for length in lengths)], shown))
    bare = {length: by[("no logging", length)]["cpu"] for length in lengths if ("no logging", length) in by}
    shown = []
    for name in names:
        if name == "no logging":
            continue
        cells = []
        for length in lengths:
            row = by.get((name, length))
            bad = row is None or "error" in row or length not in bare
            cells.append("–" if bad else _three(1e6 * (row["cpu"] - bare[length])))
        shown.append([f"**{name}**" if name == OURS else name, *cells])
    parts.append(
        "\nCPU added per batch by all processes together, µs (less the bare loop's; the noise is a few "
        "percent of the batch):\n"
    )
    parts.append(table(["logger", *(f"{1000 * length:g} ms" for length in lengths)], shown))
    errors = [f"- {row['name']}: {row['error']}" for row in rows if "error" in row]
    if errors:
        parts.append("\nNot measured:\n\n" + "\n".join(dict.fromkeys(errors)))
    _draw_cost(by, names)
    parts.append("\n![Cost per batch](docs/benchmarks/cost.png)")
    return "\n".join(parts)


def _draw_cost(by: dict[Any, dict[str, Any]], names: Sequence[str]) -> None:
    rows = [
        (name, by[(name, 0.001)]) for name in names if name != "no logging" and "p50" in by.get((name, 0.001), {})
    ]
    rows.sort(key=lambda row: row[1]["p50"])
    figure = Figure(figsize=(8, 0.42 * len(rows) + 1), layout="constrained")
    axis = figure.subplots()
    values = [1e6 * row["p50"] for _, row in rows]
    bars = axis.barh([name for name, _ in rows], values, color=[BLUE if name == OURS else GREY for name, _ in rows])
    axis.bar_label(bars, [f"{_three(value)} µs" for value in values], padding=4, fontsize=9)
    axis.set_xscale("log")
    axis.set_xlim(min(values) / 2, max(values) * 4)
    axis.invert_yaxis()
    axis.set_title("What a batch of 1 ms costs the training thread (median)", loc="left", fontsize=10)
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    figure.savefig(PICTURES / "cost.png", dpi=130)


def training_speed(rows: list[dict[str, Any]]) -> str:
    """Speed of training relative to the bare loop."""
    parts = []
    shown = []
    for ranks in sorted({row["ranks"] for row in rows}):
        mine = [row for row in rows if row["ranks"] == ranks]
        for way in ("headless", "watched"):
            ratios = sorted(row["bare"] / row[way] for row in mine)
            every = ", ".join(f"{ratio:.3f}" for ratio in ratios)
            shown.append([f"{ranks}, {way}", f"{statistics.median(ratios):.3f}", every])
    parts.append(table(["ranks", "median", "every round"], shown))
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axis = figure.subplots()
    for place, row in enumerate(reversed(shown)):
        ratios = [float(part) for part in row[2].split(", ")]
        axis.scatter(ratios, np.full(len(ratios), place), color=BLUE, alpha=0.5, s=26)
        axis.scatter([float(row[1])], [place], color=BLUE, marker="|", s=400)
    axis.set_yticks(range(len(shown)), [row[0] for row in reversed(shown)])
    axis.axvline(1, color=GREY, linewidth=1)
    axis.set_title("Training speed, bare loop = 1", loc="left", fontsize=10)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    figure.savefig(PICTURES / "speed.png", dpi=130)
    parts.append("\n![Training speed](docs/benchmarks/speed.png)")
    return "\n".join(parts)


def starting(rows: list[dict[str, Any]]) -> str:
    """Times from the command on."""
    names = {
        "bare": "torchrun, first batch",
        "headless": "everybatch --no-tui, first batch",
        "watched": "everybatch with the monitor, first batch painted",
        "word": "everybatch with the monitor, first word",
        "help": "--help",
    }
    shown = []
    for key, name in names.items():
        values = sorted(row[key] for row in rows)
        every = ", ".join(f"{value:.2f}" for value in values)
        shown.append([name, f"{statistics.median(values):.2f}", every])
    ratio = statistics.median(row["headless"] / row["bare"] for row in rows)
    return (
        table(["seconds", "median", "every round"], shown)
        + f"\n\nFirst batch, headless over torchrun: {ratio:.2f}."
    )


def throughput(rows: list[dict[str, Any]]) -> str:
    """Events a second through the recorder."""
    shown = [
        [
            row["ranks"],
            f"{row['events_per_second']:,.0f}",
            f"{row['batches_per_second']:,.0f}",
            f"{row['cpu_us_per_event']:.1f}",
        ]
        for row in rows
    ]
    return table(["ranks", "events/s", "batches/s", "CPU µs/event"], shown)


def monitor_load(kept: dict[str, Any]) -> str:
    """The monitor's own cost."""
    loads = [
        [
            f"{row['per_second']:,.0f}",
            f"{row['columns']}×{row['rows']}",
            f"{100 * row['cpu']:.1f} %",
            f"{row['kB_per_second']:.0f}",
            f"{row['key_p50']:.0f} / {row['key_p95']:.0f}",
            f"{row['memory_MB']:.0f}",
        ]
        for row in kept["loads"]
    ]
    attached = [
        [f"{row['batches']:,}", f"{row['seconds']:.1f}", f"{row['memory_MB']:.0f}", f"{row['first_line_ms']:.0f}"]
        for row in kept["attached"]
    ]
    return (
        table(["batches/s", "size", "of a core", "kB/s", "key to paint, ms p50 / p95", "MB"], loads)
        + "\n\nAttaching to a run that is there already:\n\n"
        + table(["batches", "s until all is read", "MB", "ms to its first line"], attached)
    )


def cuda(rows: list[dict[str, Any]]) -> str:
    """Reading the loss on a GPU."""
    if not rows:
        return "Not run: there was no GPU."
    shown = []
    for row in rows:
        medians = {way: statistics.median(row[way]) for way in ("nothing", "item", "reporter")}
        shown.append([row["size"], *(f"{medians[way]:.3f}" for way in medians)])
    return f"{rows[0]['gpu']}\n\n" + table(["matrix", "no logging, ms", ".item(), ms", "everybatch, ms"], shown)


def _three(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or abs(value) < 0.05 else f"{value:.3g}"


def main() -> None:
    """Write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "textual", "msgspec", "rich"))
    parts = [
        "# Benchmarks\n\n`make bench` measures all of this side by side and writes this page; peers are "
        "installed by the extra "
        "`bench`. Figures of different machines do not compare; ratios within a table do.\n\n"
        f"This page: {machine()}; {packages}.\n",
        section(
            "thread_cost",
            "Cost on the training thread",
            "One process a logger, one thread of torch; a batch is busy work of the given length, and "
            "the call that "
            "logs it is timed, reading the loss included. everybatch runs with log, both CSV files, "
            "journal and the monitor open.",
            thread_cost,
        ),
        section(
            "training_speed",
            "Training speed",
            "The default task in a plain DDP script under torchrun, against everybatch with every batch "
            "in log, CSV and "
            "journal, headless and with the monitor open at 140×40; one thread a rank, in turns. One "
            "rank leaves a core idle, "
            "two fill the machine. The ratio is that of the training seconds of an epoch: 1 means no cost.",
            training_speed,
        ),
        section(
            "starting", "Start", "Two ranks; the plain script under torchrun in turns with everybatch.", starting
        ),
        section(
            "throughput",
            "Throughput of the recorder",
            "Prepared messages of simulated ranks through queue, tally, log, both CSV files and journal, "
            "all on one core; "
            "the best of three. An event is one rank's batch.",
            throughput,
        ),
        section(
            "monitor_load",
            "The monitor",
            "In a real pseudo-terminal, watching a made-up run that grows at the given rate.",
            monitor_load,
        ),
        section("cuda", "CUDA", "Eight matrix products a batch; milliseconds a batch, median of five.", cuda),
        (Path(__file__).parent / "attempts.md").read_text("utf-8"),
    ]
    (ROOT / "BENCHMARKS.md").write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    main()
