"""The report of an analysis in the terminal."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from ..log.catalogue import Catalogue, one_line
from ..metrics.analysis.analysis import Analysis
from ..metrics.analysis.batches import Phase
from ..metrics.analysis.compare import Comparison
from ..metrics.analysis.findings import Finding
from ..metrics.analysis.run_files import RunFiles
from ..metrics.downsample import Curve
from ..widgets.curve import BAND, LINE, VALID, draw
from .report_console import plain_table, report_console
from .report_rows import epoch_rows, number, value_rows

MARKS = {"error": ("✖", "bold red"), "warning": ("▲", "yellow"), "info": ("·", "cyan")}
CURVE_HEIGHT = 10


def print_report(analysis: Analysis, catalogue: Catalogue) -> None:
    """Title, table of epochs, curve, phases of the batches, named values, findings."""
    console = report_console()
    console.print()
    console.print(_title(analysis, catalogue), highlight=False)
    done = analysis.epochs[analysis.epochs["status"] == "completed"]
    if not len(analysis.epochs):
        path = analysis.files.epoch_csvs[0] if analysis.files.epoch_csvs else analysis.files.folder
        console.print(catalogue.text("report_empty", run=analysis.files.run_id, path=str(path)), highlight=False)
    if len(done):
        console.print()
        console.print(_rows_table(*epoch_rows(done, analysis.best_epoch, catalogue)))
    if len(done) > 1:
        console.print()
        _print_curve(console, done, catalogue)
    if analysis.phases:
        console.print()
        console.print(_phase_table(analysis.phases, catalogue))
    if analysis.values:
        console.print()
        console.print(_rows_table(*value_rows(analysis.values, catalogue)))
    console.print()
    _print_findings(console, analysis, catalogue)
    console.print()


def print_comparison(comparison: Comparison, catalogue: Catalogue) -> None:
    """The runs side by side, and which is better."""
    console = report_console()
    console.rule(catalogue.text("report_comparison"))
    what = comparison.metric or catalogue.text("report_validation" if comparison.validated else "report_average")
    table = plain_table()
    table.add_column(catalogue.text("report_run"), overflow="fold")
    for title in (what, *map(catalogue.text, ("report_epoch", "report_noise", "report_behind"))):
        table.add_column(escape(title), justify="right", overflow="fold")
    for standing in comparison.standings:
        table.add_row(
            escape(standing.run_id),
            number(standing.score),
            str(standing.epoch or "–"),
            number(standing.noise),
            "–" if math.isnan(standing.behind) else f"{standing.behind:z.1f}",
        )
    console.print(table)
    if comparison.differences:
        console.print(f"\n{catalogue.text('report_differs')}", highlight=False)
        for flag, values in comparison.differences.items():
            console.print(Text(f"  --{flag}: {one_line('  |  '.join(values))}"))
    else:
        console.print(catalogue.text("report_same"), highlight=False)
    console.print()
    console.print(_verdict(comparison, what, catalogue), style="bold", highlight=False)
    console.print()


def finding_texts(finding: Finding, files: RunFiles, catalogue: Catalogue) -> tuple[str, str]:
    """What was found, and what to do about it; a training of somebody's own has none of our flags."""
    said = catalogue.text(f"finding_{finding.kind}{finding.variant}", **finding.figures)
    advice = f"advice_{finding.kind}"
    kinds = ([files.foreign] if files.foreign else []) + ["command"] * (files.foreign == "loop")
    own = next((f"{advice}_{kind}" for kind in kinds if catalogue.has(f"{advice}_{kind}")), advice)
    return said, catalogue.text(own, **finding.figures)


def title_of(analysis: Analysis, catalogue: Catalogue) -> str:
    """The run in a line: its id, how it stands, what it trained."""
    files = analysis.files
    parts = [catalogue.text("report_title", run_id=files.run_id)]
    epochs = int((analysis.epochs["status"] == "completed").sum())
    wanted = files.config.get("epochs")
    counted = f"{epochs}/{wanted}" if isinstance(wanted, int) and wanted > 0 else str(epochs)
    if files.state:
        parts.append(
            catalogue.text("report_state", state=catalogue.text(f"state_{files.state}").lower(), epochs=counted)
        )
    if files.config.get("task"):
        parts.append(catalogue.text("report_task", task=str(files.config["task"])))
    if files.config.get("nproc"):
        parts.append(catalogue.text("report_ranks", count=int(files.config["nproc"])))
    return " · ".join(parts)


def _title(analysis: Analysis, catalogue: Catalogue) -> Text:
    return Text(title_of(analysis, catalogue), style="bold")


def _rows_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = plain_table()
    for place, title in enumerate(titles):
        table.add_column(escape(title), justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _phase_table(phases: Sequence[Phase], catalogue: Catalogue) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    table.add_column(catalogue.text("report_phases"), overflow="fold")
    for title in ("report_mean", "report_std", "report_quantiles"):
        table.add_column(catalogue.text(title), justify="right", overflow="fold")
    for phase in phases:
        quantiles = " – ".join(number(value) for value in (phase.low, phase.median, phase.high))
        table.add_row(
            f"{catalogue.text('report_phase')} {phase.first_step}–{phase.last_step}",
            number(phase.mean),
            number(phase.std),
            quantiles,
        )
    return table


def _print_curve(console: Console, done: pd.DataFrame, catalogue: Catalogue) -> None:
    columns = ("min_batch_loss", "max_batch_loss", "avg_loss")
    low, high, mean = (done[column].to_numpy(dtype=float) for column in columns)
    if np.isfinite(high).any():  # one wild batch flattens nothing
        high = np.minimum(high, max(np.percentile(high[np.isfinite(high)], 95), np.nanmax(mean)))
    bad = tuple(place for place, value in enumerate(mean) if not math.isfinite(value))
    curve = Curve(1, array("d", low), array("d", high), array("d", mean), bad, ())
    validations = [(place + 1, float(value)) for place, value in enumerate(done["val_loss"]) if pd.notna(value)]
    if len(validations) > 40:  # as many as can be told apart
        validations = validations[:: math.ceil(len(validations) / 40)]
    drawing = draw(curve, len(done), validations, max(20, console.width - 10), CURVE_HEIGHT)
    styles = {BAND: "blue", LINE: "bright_cyan", VALID: "bold yellow"}
    console.print(Text(catalogue.text("report_curve"), style="dim"))
    for y, row in enumerate(drawing.rows):
        label = number(drawing.high) if y == 0 else number(drawing.low) if y == CURVE_HEIGHT - 1 else ""
        line = Text(f"{label:>8} ", style="dim")
        for x, character in enumerate(row):
            line.append(character, style=styles.get(int(drawing.kinds[y, x]), "red"))
        line.rstrip()
        console.print(line, no_wrap=True)
    numbers = done["epoch"].to_numpy()
    left, right = str(int(numbers[0])), str(int(numbers[-1]))
    gap = max(1, console.width - 10 - len(left) - len(right))
    console.print(Text(" " * 9 + left + " " * gap + right, style="dim"), no_wrap=True)


def _print_findings(console: Console, analysis: Analysis, catalogue: Catalogue) -> None:
    console.print(Text(catalogue.text("report_findings"), style="dim"))
    for finding in analysis.findings:
        mark, style = MARKS[finding.severity]
        said, advice = finding_texts(finding, analysis.files, catalogue)
        grid = Table.grid("", Column(overflow="fold"), padding=(0, 1))
        grid.add_row(Text(mark, style=style), Text(said, style="" if finding.severity == "info" else "bold"))
        grid.add_row("", Text(f"→ {advice}", style="dim"))
        console.print(grid)
    if all(finding.severity == "info" for finding in analysis.findings):
        console.print(Text(catalogue.text("report_no_alarm"), style="green"))


def _verdict(comparison: Comparison, what: str, catalogue: Catalogue) -> str:
    finite = [standing for standing in comparison.standings if math.isfinite(standing.score)]
    if len(finite) < 2:
        return catalogue.text("report_one_score")
    first, second = finite[:2]
    figures = {"difference": abs(second.score - first.score), "times": second.behind}
    if comparison.clear:
        clear = "report_clear_metric" if comparison.metric else "report_clear"
        return catalogue.text(clear, run=first.run_id, what=what, score=first.score, **figures)
    return catalogue.text("report_unclear", **figures)
