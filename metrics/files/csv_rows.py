"""The columns and rows of the two CSV files.

Rules: header once, fixed columns, snake_case with the unit in the name, seconds, 9 significant digits (which
round-trips float32), not computed = empty, not finite = ``nan``, ``inf`` or ``-inf``, a row ends in a line feed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from ..records import BatchRecord, EpochSummary
from ..values import Values
from .csv_header import header_line

EPOCH_COLUMNS = (
    "epoch",
    "avg_loss",
    "min_batch_loss",
    "max_batch_loss",
    "lr",
    "epoch_seconds",
    "eta_hours",
    "val_loss",
    "samples",
    "samples_per_second",
    "data_wait_seconds",
    "nonfinite_batches",
    "world_size",
    "attempt",
    "status",
    "finished_at",
)
"""Columns every epoch file has; `val_<metric>` columns of the task follow."""

BATCH_COLUMNS = (
    "epoch",
    "batch",
    "step",
    "loss",
    "lr",
    "min_rank_loss",
    "max_rank_loss",
    "step_seconds",
    "data_wait_seconds",
    "samples",
    "elapsed_seconds",
    "attempt",
)


def epoch_header(metric_names: Sequence[str], value_names: Sequence[str] = ()) -> str:
    """The header line of the epoch file."""
    columns = (*EPOCH_COLUMNS, *(f"val_{name}" for name in metric_names))
    return header_line((*columns, *_value_columns(value_names, columns)))


def epoch_row(summary: EpochSummary, metric_names: Sequence[str], value_names: Sequence[str] = ()) -> str:
    """One epoch as a line; a metric that was not computed is an empty cell."""
    finished_at = datetime.fromtimestamp(summary.finished_at, UTC).astimezone().isoformat(timespec="seconds")
    speed = summary.samples_per_second
    cells = [
        str(summary.epoch),
        _number(summary.avg_loss),
        _number(summary.min_batch_loss),
        _number(summary.max_batch_loss),
        _known(summary.lr),
        _number(summary.epoch_seconds),
        _number(None if math.isnan(summary.eta_hours) else summary.eta_hours),
        _number(summary.val_loss),
        str(summary.samples or ""),
        _number(None if math.isnan(speed) else speed),
        _known(summary.data_wait_seconds),
        str(summary.nonfinite_batches),
        str(summary.world_size),
        str(summary.attempt),
        summary.status,
        finished_at,
        *_cells(summary.val_metrics, len(metric_names)),
        *_cells(summary.values, len(value_names)),
    ]
    return ",".join(cells) + "\n"


def batch_header(value_names: Sequence[str] = ()) -> str:
    """The header line of the batch file."""
    return header_line((*BATCH_COLUMNS, *_value_columns(value_names, BATCH_COLUMNS)))


def batch_row(record: BatchRecord, values: int = 0) -> str:
    """One batch as a line, with so many cells of values."""
    row = (
        f"{record.epoch},{record.batch},{record.step},{record.loss:z.9g},{_known(record.lr)},"
        f"{record.min_rank_loss:z.9g},{record.max_rank_loss:z.9g},{record.step_seconds:z.9g},"
        f"{_known(record.data_wait_seconds)},{record.samples or ''},{record.elapsed_seconds:z.9g},{record.attempt}"
    )
    return ",".join([row, *_cells(record.values, values)]) + "\n" if values else row + "\n"


def _value_columns(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """A value may be called as another column is; then it says what it is."""
    return [f"value_{name}" if name in others else name for name in names]


def _cells(values: Values, count: int) -> list[str]:
    """As many cells as there are columns; those of later names have no column here."""
    cells = ["" if value is None else f"{value:z.9g}" for value in values[:count]]
    return cells + [""] * (count - len(cells))


def _known(number: float) -> str:
    """Empty where the training did not tell it."""
    return "" if number != number else f"{number:z.9g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:z.9g}"
