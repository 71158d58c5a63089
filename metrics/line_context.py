"""What a line needs of the records before it, and how many lines a record makes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .blocks import end_block, epoch_block
from .records import (
    AnyRecord,
    BatchRecord,
    EpochStarted,
    EpochSummary,
    Notice,
    RunEnded,
    RunStarted,
    RunTold,
    ValidationRecord,
)

INTERVAL_CHANGED = "interval_changed"
"""Kind of the notice that changes which batches have a line."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a line needs of the records before it."""

    started_at: float = 0.0
    epochs: int = 0
    metric_names: tuple[str, ...] = ()
    value_names: tuple[str, ...] = ()
    batches: int = 1
    interval: int = 1
    loss: float = math.nan
    """Loss of the batch before the line."""
    validated: bool = False
    """Whether an epoch has a validation loss that it can be judged by; then the best epoch has one."""

    def after(self, record: AnyRecord) -> Context:
        """What the line after `record` needs."""
        match record:
            case BatchRecord():
                return replace(self, loss=record.loss)
            case EpochStarted():
                return replace(self, batches=record.batches)
            case EpochSummary():
                judged = record.status == "completed" and record.val_loss is not None
                return replace(self, validated=self.validated or (judged and math.isfinite(record.loss)))
            case Notice(kind=kind) if kind == INTERVAL_CHANGED:
                return replace(self, interval=int(record.fields["interval"]))
            case RunStarted():
                return replace(
                    self,
                    started_at=record.at,
                    epochs=record.epochs,
                    metric_names=record.metric_names,
                    value_names=record.value_names,
                    interval=record.log_interval,
                )
            case RunTold():
                return replace(
                    self,
                    epochs=record.epochs,
                    metric_names=record.metric_names,
                    value_names=record.value_names,
                )
            case _:
                return self

    def lines_of(self, record: AnyRecord) -> int:
        """How many lines `record` makes."""
        match record:
            case BatchRecord():
                return 1 if record.batch % self.interval == 0 else 0
            case Notice() | ValidationRecord():
                return 1
            case EpochSummary():
                return len(epoch_block(record))
            case RunEnded():
                return len(end_block(record))
            case _:
                return 0
