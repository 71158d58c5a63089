"""The results of the benchmarks as the tables of BENCHMARKS.md, a function each; some draw their picture too."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from .loggers import NOTHING
from .pictures import draw_cost, draw_speed
from .results import three_digits
from .thread_cost import OURS


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(titles) + " |", "|" + "|".join(["---"] + ["---:"] * (len(titles) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


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
        return " / ".join(three_digits(1e6 * median[name, length][key]) for key in ("p50", "p99", "mean"))

    def ratio(name: str, length: float) -> str:
        ratios = sorted(
            row["p50"] / ours["p50"] for row, ours in zip(rounds[name, length], rounds[OURS, length], strict=False)
        )
        return (
            f"{three_digits(statistics.median(ratios))} ({three_digits(ratios[0])} to {three_digits(ratios[-1])})"
        )

    def processor(name: str, length: float) -> str:
        return three_digits(1e6 * (median[name, length]["cpu"] - median[NOTHING, length]["cpu"]))

    draw_cost({name: median[name, 0.001]["p50"] for name in names if (name, 0.001) in median})
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
    draw_speed(cases)
    titles = ["ranks, step", "way", "rank", "speed, median of the turns", "turns"]
    return table(titles, shown) + "\n\n![Training speed](docs/benchmarks/speed.png)"


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


def loading(rows: list[dict[str, Any]]) -> str:
    """Start, speed and memory of each set of pictures."""
    cells = [
        [
            f"{row['set']}, {row['state']}",
            f"{row['start']:.2f} s",
            f"{row['alone']:.0f}",
            f"{row['loaders']:.0f}",
            f"{row['peak']:.0f} MB",
        ]
        for row in rows
    ]
    return table(["pictures", "start", "samples/s, one process", "samples/s, two loaders", "peak"], cells)
