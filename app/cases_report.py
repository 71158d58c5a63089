"""The worst validation pictures in the report of an analysis."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from rich.markup import escape
from rich.text import Text

from ..errors import UsageError
from ..log.catalogue import Catalogue, one_line
from ..metrics.analysis.run_files import RunFiles
from .report_console import plain_table, report_console
from .worst_cases import WorstCase, WorstCases, worst_cases

MOST_CLASSES = 5
"""That have a column each; of more, the lowest are told."""
LOWEST = 3
DATA_FLAG = "--data: "
"""Before what is said of pictures in the words of a training."""


def told_cases(files: RunFiles, seconds: float, catalogue: Catalogue) -> WorstCases | None:
    """The worst cases of a run, printed; None and a line that says why for a run of pictures that was not judged.

    Whatever goes wrong here is no failure of an analysis.
    """
    sys.stdout.flush()  # the rest takes a while
    try:
        cases = worst_cases(files, seconds, catalogue)
    except UsageError as error:
        _tell_reason(catalogue.text(error.key, **error.fields).removeprefix(DATA_FLAG), catalogue)
        return None
    except Exception as error:  # noqa: BLE001 - of a network on any device, and of any picture
        _tell_reason(str(error) or type(error).__name__, catalogue)
        return None
    if cases is not None:
        _print(cases, catalogue)
    return cases


def heading(cases: WorstCases, catalogue: Catalogue) -> str:
    """What the table is of."""
    return catalogue.text("cases_title", name=cases.checkpoint.name, epoch=cases.epoch)


def case_rows(cases: WorstCases, catalogue: Catalogue) -> tuple[list[str], list[list[str]]]:
    """Each of the worst cases and the median of all, as titles and cells."""
    titles = [catalogue.text("cases_name"), catalogue.text("cases_dice"), *_class_titles(cases, catalogue)]
    sliced = any(one.case.pair.header.shape[0] > 1 for one in cases.worst)
    titles += [catalogue.text("cases_slice")] * sliced
    rows = [
        [
            one_line(one.case.pair.files.name),
            shown(one.case.dice),
            *_class_cells(cases.class_names, one.case.class_dice),
            *[slice_of(one)] * sliced,
        ]
        for one in cases.worst
    ]
    median = catalogue.text("cases_median", count=len(cases.dice))
    rows.append(
        [median, shown(cases.median), *_class_cells(cases.class_names, cases.class_medians), *[""] * sliced]
    )
    return titles, rows


def notes(cases: WorstCases, catalogue: Catalogue) -> list[str]:
    """What is not in the table."""
    said = []
    if len(cases.judged) < cases.total:
        judged, total, seconds = len(cases.judged), cases.total, cases.seconds
        key = "cases_left_larger" if cases.without_larger else "cases_left"
        said.append(catalogue.text(key, judged=judged, total=total, seconds=seconds))
    if empty := len(cases.judged) - len(cases.dice):
        said.append(catalogue.text("cases_empty", count=empty))
    return said


def shown(dice: float) -> str:
    """The coefficient as a person reads it."""
    return "–" if math.isnan(dice) else f"{dice:.3f}"


def slice_of(one: WorstCase) -> str:
    """Which slice is shown."""
    return f"{one.case.slice + 1}/{one.case.pair.header.shape[0]}"


def _print(cases: WorstCases, catalogue: Catalogue) -> None:
    console = report_console()
    console.print(Text(heading(cases, catalogue), style="dim"))
    if cases.worst:
        titles, rows = case_rows(cases, catalogue)
        table = plain_table()
        for place, title in enumerate(titles):
            table.add_column(escape(title), justify="left" if place == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*map(escape, row), style="dim" if row is rows[-1] else "")
        console.print(table)
    for line in notes(cases, catalogue):
        console.print(Text(line, style="dim"))
    console.print()


def _tell_reason(reason: str, catalogue: Catalogue) -> None:
    console = report_console()
    console.print(Text(catalogue.text("cases_not_judged", reason=reason), style="dim"))
    console.print()


def _class_titles(cases: WorstCases, catalogue: Catalogue) -> list[str]:
    names = [one_line(name) for name in cases.class_names]
    if len(names) == 1:
        return []
    return names if len(names) <= MOST_CLASSES else [catalogue.text("cases_lowest")]


def _class_cells(names: Sequence[str], dice: Sequence[float]) -> list[str]:
    if len(names) == 1:
        return []
    if len(names) <= MOST_CLASSES:
        return [shown(one) for one in dice]
    known = [(one, name) for one, name in zip(dice, names, strict=True) if not math.isnan(one)]
    return [", ".join(f"{one_line(name)} {shown(one)}" for one, name in sorted(known)[:LOWEST])]
