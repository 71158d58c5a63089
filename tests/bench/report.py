"""Writes BENCHMARKS.md and its pictures from what the benchmarks kept: ``python -m tests.bench.report``."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from .loggers import NOTHING
from .results import ROOT, load, machine, version
from .thread_cost import OURS
from .training_speed import PLAIN_AGAIN

PAGE = ROOT / "BENCHMARKS.md"
PICTURES = ROOT / "docs" / "benchmarks"
BLUE, GREY = "#2563eb", "#9ca3af"


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(titles) + " |", "|" + "|".join(["---"] + ["---:"] * (len(titles) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


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


def thread_cost(rows: list[dict[str, Any]]) -> str:
    """Cost on the training thread, and on the processor."""
    rounds: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in rows:
        if "error" not in row:
            rounds.setdefault((row["name"], row["seconds"]), []).append(row)
    median = {
        case: {key: statistics.median(row[key] for row in of_case) for key in ("p50", "p99", "mean", "cpu")}
        for case, of_case in rounds.items()
    }
    lengths = sorted({seconds for _, seconds in rounds})
    names = [name for name in dict.fromkeys(row["name"] for row in rows) if name != NOTHING]
    versions = {row["name"]: row["version"] for row in rows}

    def by_length(cell: Callable[[str, float], str]) -> str:
        """A row a logger, a column a length of a batch."""
        shown = []
        for name in names:
            label = f"**{name}**" if name == OURS else f"{name} {versions[name]}".strip()
            cells = [cell(name, length) if (name, length) in rounds else "–" for length in lengths]
            shown.append([label, *cells])
        return table(["logger", *(f"{1000 * length:g} ms" for length in lengths)], shown)

    def call(name: str, length: float) -> str:
        return " / ".join(_three(1e6 * median[name, length][key]) for key in ("p50", "p99", "mean"))

    def ratio(name: str, length: float) -> str:
        ratios = sorted(
            row["p50"] / ours["p50"] for row, ours in zip(rounds[name, length], rounds[OURS, length], strict=False)
        )
        return f"{_three(statistics.median(ratios))} ({_three(ratios[0])} to {_three(ratios[-1])})"

    def processor(name: str, length: float) -> str:
        return _three(1e6 * (median[name, length]["cpu"] - median[NOTHING, length]["cpu"]))

    _draw_cost({name: median[name, 0.001]["p50"] for name in names if (name, 0.001) in median})
    errors = dict.fromkeys(f"- {row['name']}: {row['error']}" for row in rows if "error" in row)
    parts = [
        "Microseconds in the call, p50 / p99 / mean, the median of the rounds:",
        by_length(call),
        "The p50 as a multiple of ours in the same round, median and range of the rounds:",
        by_length(ratio),
        "![Cost per batch](docs/benchmarks/cost.png)",
        "CPU added per batch by all processes together, µs (less the bare loop's; the noise is a few percent "
        "of the batch):",
        by_length(processor),
    ]
    return "\n\n".join(parts + (["Not measured:", "\n".join(errors)] if errors else []))


def _draw_cost(p50: dict[str, float]) -> None:
    names = sorted(p50, key=p50.__getitem__)
    values = [1e6 * p50[name] for name in names]
    figure = Figure(figsize=(8, 0.42 * len(names) + 1), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(names, values, color=[BLUE if name == OURS else GREY for name in names])
    axis.bar_label(bars, [f"{_three(value)} µs" for value in values], padding=4, fontsize=9)
    axis.set_xscale("log")
    axis.set_xlim(min(values) / 2, max(values) * 4)
    axis.invert_yaxis()
    axis.set_title("What a batch of 1 ms costs the training thread (median, logarithmic)", loc="left", fontsize=10)
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    figure.savefig(PICTURES / "cost.png", dpi=130)


def training_speed(rows: list[dict[str, Any]]) -> str:
    """Speed of training relative to the plain loop."""
    cases: dict[str, list[float]] = {}
    shown: list[list[object]] = []
    for row in rows:
        case = f"{row['ranks']} rank{'s' * (row['ranks'] > 1)}, {1000 * row['step']:.2g} ms"
        median = f"{row['median']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        shown.append([case, row["way"], row["rank"], median, row["turns"]])
        if row["rank"] == 0:
            cases[f"{case}: {row['way']}"] = [row["median"], row["low"], row["high"]]
    _draw_speed(cases)
    titles = ["ranks, step", "way", "rank", "speed, median of the turns", "turns"]
    return table(titles, shown) + "\n\n![Training speed](docs/benchmarks/speed.png)"


def _draw_speed(cases: dict[str, list[float]]) -> None:
    figure = Figure(figsize=(8, 0.3 * len(cases) + 1), layout="constrained")
    axis = figure.subplots()
    for place, (name, (median, low, high)) in enumerate(cases.items()):
        color = GREY if name.endswith(PLAIN_AGAIN) else BLUE
        axis.plot([low, high], [place, place], color=color, linewidth=2)
        axis.scatter([median], [place], color=color, s=26)
    axis.set_yticks(range(len(cases)), list(cases), fontsize=9)
    axis.invert_yaxis()
    axis.axvline(1, color=GREY, linewidth=1)
    axis.set_title("Speed of rank 0, plain loop = 1 (median and its 95 % interval)", loc="left", fontsize=10)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    figure.savefig(PICTURES / "speed.png", dpi=130)


def watching(rows: list[dict[str, Any]]) -> str:
    """What a training loses to what is beside it."""
    cases: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        case = f"{row['ranks']} rank{'s' * (row['ranks'] > 1)}, {1000 * row['step']:.2g} ms"
        cases.setdefault((case, row["what"]), []).append(row)
    shown = []
    for (case, what), of_case in cases.items():
        speeds = [f"{row['speed']:.3f} ({row['low']:.3f} to {row['high']:.3f})" for row in of_case]
        first = of_case[0]
        shown.append(
            [case, what, f"{100 * first['cpu']:.1f} %", *speeds, *["–"] * (2 - len(speeds)), first["times"]]
        )
    return table(["ranks, step", "beside it", "of a core", "speed of rank 0", "speed of rank 1", "times"], shown)


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


def throughput(kept: dict[str, Any]) -> str:
    """Events a second through the recorder, and its memory."""
    rates = []
    for ranks, values in dict.fromkeys((row["ranks"], row.get("values", 0)) for row in kept["rates"]):
        rounds = [row for row in kept["rates"] if (row["ranks"], row.get("values", 0)) == (ranks, values)]
        cells = [
            _spread([row[key] for row in rounds], "{:,.0f}") for key in ("events_per_second", "batches_per_second")
        ]
        rates.append([ranks, values, *cells, _spread([row["cpu_us_per_event"] for row in rounds], "{:.1f}")])
    memory = [[f"{row['batches']:,}", f"{row['MB']:.1f}"] for row in kept["memory"]]
    return (
        table(["ranks", "values", "events/s", "batches/s", "CPU µs/event"], rates)
        + "\n\nMemory of a process that only records, one rank, which waits for it now and then:\n\n"
        + table(["batches so far", "MB"], memory)
    )


def hooks_cost(rows: list[dict[str, Any]]) -> str:
    """What the hooks of an unchanged script add to a batch of the loader."""
    shown = [
        [row["name"].replace("_", " "), *(f"{1e6 * row[key]:.0f}" for key in ("bare", "p50", "p25", "p75"))]
        for row in rows
    ]
    return table(["loop", "bare, µs", "hooks add, µs", "lower quartile", "upper quartile"], shown)


def monitor_load(kept: dict[str, Any]) -> str:
    """The monitor's own cost."""
    loads = [
        [
            f"{row['per_second']:,.0f}" + ", no core idle" * row["full"],
            f"{row['columns']}×{row['rows']}",
            f"{100 * row['cpu']:.1f} % ({100 * row['cpu_low']:.1f} to {100 * row['cpu_high']:.1f})",
            f"{row['frames']:.1f}",
            f"{row['kB_per_second']:.0f}",
            f"{row['key_p50']:.0f} / {row['key_p95']:.0f}",
            f"{row['memory_MB']:.0f}",
        ]
        for row in kept["loads"]
    ]
    floor = kept["floor"]
    attached = [
        [f"{row['batches']:,}", f"{row['seconds']:.1f}", f"{row['memory_MB']:.0f}", f"{row['first_line_ms']:.0f}"]
        for row in kept["attached"]
    ]
    return (
        table(["batches/s", "size", "of a core", "frames/s", "kB/s", "key to paint, ms p50 / p95", "MB"], loads)
        + f"\n\nAn app of Textual that only paints prepared rows, as many as the log has at 140×40, "
        f"{floor['frames']:.1f} times a second: {100 * floor['cpu']:.1f} % of a core, the floor of a log in which "
        "no row stays.\n\nAttaching to a run that is there already:\n\n"
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


def _spread(values: Sequence[float], form: str) -> str:
    """Median, lowest and highest."""
    median, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{median} ({low} to {high})"


def _three(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or abs(value) < 0.05 else f"{value:.3g}"


def main() -> None:
    """Write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
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
            thread_cost,
        ),
        section(
            "hooks_cost",
            "Hooks of an unchanged script",
            "A tiny model on one thread of torch; turns of a hundred batches of the loader with the hooks and "
            "without them follow each other, and each turn with them is compared with the one before. These "
            "batches are as short as can be.",
            hooks_cost,
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
            training_speed,
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
            watching,
        ),
        section(
            "starting", "Start", "Two ranks; the plain script under torchrun in turns with everybatch.", starting
        ),
        section(
            "throughput",
            "Throughput of the recorder",
            "Prepared messages of simulated ranks through queue, tally, log, both CSV files and journal, "
            "all on one core; median and range of the rounds. An event is one rank's batch.",
            throughput,
        ),
        section(
            "monitor_load",
            "The monitor",
            "In a real pseudo-terminal, watching a made-up run that grows at the given rate; its CPU in ten "
            "seconds, and the least and the most in two of them.",
            monitor_load,
        ),
        section("cuda", "CUDA", "Eight matrix products a batch; milliseconds a batch, median of five.", cuda),
        (Path(__file__).parent / "attempts.md").read_text("utf-8"),
    ]
    PAGE.write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    main()
