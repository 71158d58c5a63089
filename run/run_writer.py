"""Writes what becomes known of a run: each record into its files, and the line of it into log and console."""

from __future__ import annotations

import time
from typing import TextIO

from ..log.catalogue import Catalogue
from ..metrics.line_context import INTERVAL_CHANGED
from ..metrics.records import BatchRecord, EpochSummary, Notice, RunEnded, RunStarted, ValidationRecord
from .attempt_info import AttemptInfo
from .known_run import KnownRun
from .sinks import Sinks


class RunWriter:
    """The files and the console of an attempt, with the words for what they tell."""

    def __init__(self, attempt: AttemptInfo, run: RunStarted, catalogue: Catalogue, stdout: TextIO | None) -> None:
        """Open the files of the run; raises `OSError`. Without `stdout` there is no console."""
        self._catalogue = catalogue
        self.interval = run.log_interval
        """The log interval of the console and of every watcher."""
        self.sinks = Sinks(
            attempt.folder,
            run.metric_names,
            run.value_names,
            catalogue,
            self.emit,
            log_batch_metrics=attempt.log_batch_metrics,
            stdout=stdout,
            recovered=attempt.recovered,
        )
        self.known = KnownRun(run, self.sinks)

    def set_interval(self, interval: int) -> None:
        """Change the log interval of the console and of every watcher."""
        self.interval = interval
        self.emit(INTERVAL_CHANGED, "info", interval=interval)

    def emit(self, kind: str, level: str, **fields: str | int | float) -> None:
        """Add a line of our own, on screen, in the log and in the journal."""
        self.emit_notice(Notice(kind, level, dict(fields), at=time.time()))

    def emit_notice(self, notice: Notice) -> None:
        """Add a notice, as `emit` does."""
        self.sinks.record(notice)
        self.sinks.line(self._catalogue.notice(notice))

    def batch(self, record: BatchRecord, batches: int) -> None:
        """A batch of an epoch of so many `batches`."""
        line = self._catalogue.batch(record, self.known.now.epochs, batches, self.known.now.value_names)
        self.sinks.line(line, console=record.batch % self.interval == 0)
        self.sinks.record(record)

    def earlier_batch(self, record: BatchRecord, batches: int) -> None:
        """A batch of an earlier attempt, for those of the files that lack it."""
        line = self._catalogue.batch(record, self.known.now.epochs, batches, self.known.now.value_names)
        self.sinks.record_earlier(record, line)

    def epoch(self, summary: EpochSummary, batches: int) -> None:
        """An epoch of so many `batches` has ended."""
        run = self.known.now
        self.sinks.record(summary)
        for line in self._catalogue.epoch(summary, run.epochs, batches, run.metric_names, run.value_names):
            self.sinks.line(line)
        self.sinks.flush(sync=True)

    def validation(self, record: ValidationRecord) -> None:
        """A validation at any time."""
        self.sinks.record(record)
        self.sinks.line(self._catalogue.validation(record, self.known.now.metric_names))

    def end(self, ended: RunEnded, *, validated: bool) -> None:
        """The attempt has ended; `validated` if its best epoch was."""
        self.sinks.record(ended)
        for line in self._catalogue.end(ended, self.known.now.epochs, validated=validated):
            self.sinks.line(line)
        self.sinks.flush(sync=True)
