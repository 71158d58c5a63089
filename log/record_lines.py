"""The lines of a record of the journal: the same in the log file, on the screen, and when a log is written anew."""

from __future__ import annotations

from ..metrics.blocks import end_block
from ..metrics.line_context import Context
from ..metrics.records import AnyRecord, BatchRecord, EpochSummary, Notice, RunEnded, ValidationRecord
from .catalogue import Catalogue


def record_lines(record: AnyRecord, context: Context, catalogue: Catalogue) -> list[str]:
    """The lines that `record` makes in its `context`, whatever the log interval; [] if it makes none."""
    match record:
        case BatchRecord():
            return [catalogue.batch(record, context.epochs, context.batches, context.value_names)]
        case Notice():
            return [catalogue.notice(record)]
        case EpochSummary():
            names = context.metric_names, context.value_names
            return catalogue.epoch(record, context.epochs, context.batches, *names)
        case ValidationRecord():
            return [catalogue.validation(record, context.metric_names)]
        case RunEnded():
            return catalogue.lines(end_block(record, context.epochs, validated=context.validated))
        case _:
            return []


def record_time(record: AnyRecord, context: Context) -> float:
    """Wall clock of a record in its `context`, seconds since 1970; 0 if it has none."""
    match record:
        case BatchRecord():
            return context.started_at + record.elapsed_seconds
        case Notice() | RunEnded() | ValidationRecord():
            return record.at
        case EpochSummary():
            return record.finished_at
        case _:
            return 0.0
