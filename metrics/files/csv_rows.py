"""The columns and rows of the two CSV files.

Rules: header once, fixed columns, snake_case with the unit in the name, seconds, 9 significant digits (which
round-trips float32), not computed = empty, not finite = ``nan``, ``inf`` or ``-inf``, a row ends in a line feed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from ..records import BatchRecord, EpochSummary
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


def epoch_header(metric_names: Sequence[str]) -> str:
    """The header line of the epoch file."""
    return header_line((*EPOCH_COLUMNS, *(f"val_{name}" for name in metric_names)))


def epoch_row(summary: EpochSummary, metric_names: Sequence[str]) -> str:
    """One epoch as a line; a metric that was not computed is an empty cell."""
    finished_at = datetime.fromtimestamp(summary.finished_at, UTC).astimezone().isoformat(timespec="seconds")
    metrics: Sequence[float | None] = summary.val_metrics or [None] * len(metric_names)
    cells = [
        str(summary.epoch),
        _number(summary.avg_loss),
        _number(summary.min_batch_loss),
        _number(summary.max_batch_loss),
        _number(summary.lr),
        _number(summary.epoch_seconds),
        _number(None if math.isnan(summary.eta_hours) else summary.eta_hours),
        _number(summary.val_loss),
        str(summary.samples),
        _number(summary.samples_per_second),
        _number(summary.data_wait_seconds),
        str(summary.nonfinite_batches),
        str(summary.world_size),
        str(summary.attempt),
        summary.status,
        finished_at,
        *(_number(metric) for metric in metrics),
    ]
    return ",".join(cells) + "\n"


def batch_header() -> str:
    """The header line of the batch file."""
    return header_line(BATCH_COLUMNS)


def batch_row(record: BatchRecord) -> str:
    """One batch as a line."""
    return (
        f"{record.epoch},{record.batch},{record.step},{record.loss:.9g},{record.lr:.9g},"
        f"{record.min_rank_loss:.9g},{record.max_rank_loss:.9g},{record.step_seconds:.9g},"
        f"{record.data_wait_seconds:.9g},{record.samples},{record.elapsed_seconds:.9g},{record.attempt}\n"
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
