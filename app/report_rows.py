"""The rows of the tables of an analysis, for the terminal and the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ..log.catalogue import Catalogue, one_line
from ..metrics.analysis.values import ValueStory


def epoch_rows(done: pd.DataFrame, best: int | None, catalogue: Catalogue) -> tuple[list[str], list[list[str]]]:
    """First, best and last epoch and the change between, as titles and cells."""
    metrics = [column for column in done if column.startswith("val_") and column != "val_loss"]
    validated = done["val_loss"].notna().any()
    columns = ["avg_loss", *(["val_loss"] if validated else []), *metrics, "lr", "epoch_seconds"]
    names = {"avg_loss": "report_average", "val_loss": "report_validation", "lr": "report_rate"}
    names["epoch_seconds"] = "report_seconds"
    titles = ["", catalogue.text("report_epoch")]
    titles += [catalogue.text(names[column]) if column in names else one_line(column[4:]) for column in columns]
    picked = [("first", done.iloc[0]), ("last", done.iloc[-1])]
    if best is not None:
        picked.insert(1, ("best", done[done["epoch"] == best].iloc[0]))
    rows = [
        [
            catalogue.text(f"report_{name}"),
            str(int(row["epoch"])),
            *(_cell(column, row[column]) for column in columns),
        ]
        for name, row in picked
    ]
    if best is not None and len(done) > 1:
        first, chosen = picked[0][1], picked[1][1]
        changes = ["" if c in ("lr", "epoch_seconds") else _change(first[c], chosen[c]) for c in columns]
        rows.append([catalogue.text("report_change"), "", *changes])
    return titles, rows


def value_rows(values: Sequence[ValueStory], catalogue: Catalogue) -> tuple[list[str], list[list[str]]]:
    """How each named value went, as titles and cells."""
    titles = [catalogue.text("report_values")]
    titles += [catalogue.text(f"report_{key}") for key in ("early", "late", "least", "most", "mean")]
    with_bad = any(value.nonfinite for value in values)
    titles += ["NaN/Inf"] * with_bad
    rows = []
    for value in values:
        figures = (value.early, value.late, value.least, value.most, value.mean)
        cells = [one_line(value.name), *("–" if math.isnan(figure) else number(figure) for figure in figures)]
        rows.append([*cells, *[str(value.nonfinite or "")] * with_bad])
    return titles, rows


def _cell(column: str, value: float) -> str:
    if pd.isna(value):
        return "–"
    if column == "lr":
        return f"{value:zg}"
    return f"{value:z.2f}" if column == "epoch_seconds" else number(value)


def number(value: float) -> str:
    """Four significant digits, without an exponent where it can be."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        digits = 4 if abs(value) < 1 else max(0, 4 - int(math.log10(abs(value))) - 1)
        return f"{value:z.{digits}f}"
    return f"{value:.2e}"


def _change(before: float, after: float) -> str:
    if pd.isna(before) or pd.isna(after) or not math.isfinite(before) or not math.isfinite(after) or before == 0:
        return "–"
    return f"{100 * (after - before) / abs(before):+z.0f}%"
