"""Writes what rank 0 did between two batches: checkpoints, validations, commands, the true length of an epoch."""

from __future__ import annotations

import time
from pathlib import Path

from ..metrics.events import CommandTaken, EpochTrained, Saved, SaveFailed, ValidatedAt, ValidationFailed
from ..metrics.records import EpochStarted, ValidationRecord
from .epoch_books import EpochBooks
from .held_events import HeldEvent
from .run_writer import RunWriter


class Milestones:
    """Takes these events once their turn has come, which `HeldEvents` knows."""

    def __init__(self, checkpoints: Path, epochs: EpochBooks, writer: RunWriter) -> None:
        """`checkpoints` is the folder in which they are."""
        self.stopped_by = ""
        """The command that stopped the ranks, if one did."""
        self._checkpoints = checkpoints
        self._epochs = epochs
        self._writer = writer

    def write(self, event: HeldEvent) -> None:
        """One of them, whose turn it is."""
        emit = self._writer.emit
        match event:
            case EpochTrained():
                self._epochs.get(event.epoch).batches = event.batches
                self._writer.sinks.record(EpochStarted(event.epoch, event.batches, event.val_batches))
            case Saved():
                self._epochs.eta.saved(event.seconds)
                path = self._checkpoints / f"{event.kind}.pt"
                emit(f"saved_{event.kind}", "info", path=str(path), seconds=event.seconds)
            case SaveFailed():
                path = self._checkpoints / f"{event.kind}.pt"
                emit("save_failed", "warning", path=str(path), reason=event.reason)
            case ValidatedAt():
                self._validated(event)
            case ValidationFailed():
                emit("validation_failed", "warning", epoch=event.epoch, rank=event.rank, reason=event.reason)
            case CommandTaken():
                self.stopped_by = event.command if event.command.startswith("stop") else self.stopped_by
                emit(f"{event.command}_taken", "info", epoch=event.epoch, batch=event.batch)

    def _validated(self, event: ValidatedAt) -> None:
        """A validation at any time; where an epoch is open, it is one of that."""
        known = self._writer.known
        known.name_metrics(event.values)
        metrics = tuple(event.values.get(name) for name in known.now.metric_names)
        epoch = self._epochs.open.get(event.epoch)
        batch = 0
        if epoch is not None:
            epoch.validated(event.loss, metrics, event.seconds)
            batch = epoch.done
        record = ValidationRecord(
            event.epoch, batch, event.step, event.loss, metrics, event.seconds, at=time.time()
        )
        self._writer.validation(record)
