"""The text of one row of the batch log, in pieces: the same line as in the log file, with its time in front."""

from __future__ import annotations

import math
import time

from ..log.catalogue import Catalogue
from ..log.record_lines import record_lines, record_time
from ..metrics.log_rows import Row
from ..metrics.records import BatchRecord, EpochSummary, Notice, RunEnded, ValidationRecord
from .lines import Piece

LEVELS = {"info": "accent", "warning": "warn", "error": "bad"}


def row_line(row: Row, catalogue: Catalogue) -> tuple[str, str]:
    """The line of a row and the name of the style of all of it."""
    record = row.record
    line = record_lines(record, row.context, catalogue)[row.part]
    match record:
        case BatchRecord():
            return line, "text" if math.isfinite(record.loss) else "bad"
        case Notice():
            return line, LEVELS[record.level]
        case ValidationRecord():
            return line, "strong"
        case EpochSummary():
            return line, "frame" if line.startswith("==") else "strong"
        case RunEnded():
            return line, "bad" if record.state == "failed" else "strong"
    raise TypeError(f"{type(record).__name__} has no line")


def row_time(row: Row) -> str:
    """When a row came, as a wall clock; empty for all but the first line of a block."""
    at = record_time(row.record, row.context)
    return time.strftime("%H:%M:%S", time.localtime(at)) if at and not row.part else ""


def row_pieces(row: Row, catalogue: Catalogue, *, with_time: bool) -> list[Piece]:
    """A row in pieces; the loss of a batch is green when it is lower than the one before."""
    line, style = row_line(row, catalogue)
    pieces: list[Piece] = [(f"{row_time(row):8} ", "dim")] if with_time else []
    if style == "text" and isinstance(row.record, BatchRecord):
        before, loss, after = line.partition(f"{row.record.loss:z.6f}")
        better = row.record.loss < row.context.loss
        return [*pieces, (before, "text"), (loss, "good" if better else "strong"), (after, "dim")]
    return [*pieces, (line, style)]
