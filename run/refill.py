"""Writes a file of a run anew from the journal, a piece at a time, while the run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..log.catalogue import Catalogue
from ..log.log_file import Stamp
from ..log.record_lines import record_lines, record_time
from ..metrics.files.append_file import AppendFile
from ..metrics.files.csv_rows import batch_row, epoch_row
from ..metrics.files.journal import JournalReader
from ..metrics.line_context import Context
from ..metrics.records import AnyRecord, BatchRecord, EpochSummary, Start

Rows = Callable[[AnyRecord], list[bytes]]
"""The rows that a record makes in a file."""

READ_BYTES = 1 << 16
LATENESS_SECONDS = 5.0


class Refill:
    """Fills one file. As long as it is not done, nothing else is to be written there: what is new comes last."""

    def __init__(self, file: AppendFile, header: str, rows: Rows, journal: Path) -> None:
        """Empty `file` and begin; raises `OSError`."""
        self.backup = file.start_over()
        """The file as it was, if anything was in it."""
        self._file = file
        self._rows = rows
        self._path = journal
        self._reader = JournalReader(journal)
        if header:
            file.write([header.encode()])

    def go_on(self, seconds: float) -> bool:
        """Write for about so long; True when all that is in the journal is there."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                records = self._reader.read(READ_BYTES) or self._after_the_end()
            except OSError:  # the journal itself was removed, and will be back
                return False
            if not records:
                return True
            self._file.write([row for record in records for row in self._rows(record)])
            if time.monotonic() >= deadline or self._file.error is not None:
                return False

    def close(self) -> None:
        """Leave the file to others."""
        self._reader.close()

    def _after_the_end(self) -> list[AnyRecord]:
        """What the journal has, if another file took its name meanwhile, which begins as this one does."""
        reader = JournalReader(self._path)
        reader.seek(self._reader.position)
        self._reader.close()
        self._reader = reader
        return reader.read(READ_BYTES)


def log_rows(catalogue: Catalogue) -> Rows:
    """Every line with the time of its record."""
    context, stamp, newest = Context(), Stamp(), 0.0

    def rows(record: AnyRecord) -> list[bytes]:
        nonlocal context, newest
        lines, at = record_lines(record, context, catalogue), record_time(record, context)
        if newest - LATENESS_SECONDS < at < newest:  # a batch is recorded a little after it was done
            at = newest
        newest = at or newest
        if not isinstance(record, BatchRecord):
            context = context.after(record)
        return [row for line in lines for row in stamp.rows(line, at)]

    return rows


def batch_rows(starts: Sequence[tuple[int, Start]], first: int, values: int) -> Rows:
    """The batches from step `first` on that count, with so many cells of values.

    `starts` are the attempts, each with its number.
    """

    def rows(record: AnyRecord) -> list[bytes]:
        if not isinstance(record, BatchRecord) or record.step < first:
            return []
        done_again = any(attempt > record.attempt and record.step > start.step for attempt, start in starts)
        return [] if done_again else [batch_row(record, values).encode()]

    return rows


def epoch_rows(
    starts: Sequence[tuple[int, Start]], first: int, metric_names: Sequence[str], value_names: Sequence[str]
) -> Rows:
    """The same for epochs."""

    def rows(record: AnyRecord) -> list[bytes]:
        if not isinstance(record, EpochSummary) or record.epoch < first:
            return []
        later = [start for attempt, start in starts if attempt > record.attempt]
        done_again = any(record.epoch >= start.epoch for start in later)
        if done_again or (later and record.status != "completed"):
            return []
        return [epoch_row(record, metric_names, value_names).encode()]

    return rows
