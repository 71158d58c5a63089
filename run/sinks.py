"""Where records and lines go: log file, CSV files, journal, console."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from ..log.catalogue import Catalogue
from ..log.console import Console
from ..log.log_file import LogFile
from ..metrics.files.append_file import AppendFile
from ..metrics.files.csv_rows import batch_header, batch_row, epoch_header, epoch_row
from ..metrics.files.journal import encode_record
from ..metrics.records import AnyRecord, BatchRecord, EpochSummary
from .csv_parts import CsvParts
from .recovery import Recovered
from .restorer import Restorer
from .run_folder import RunFolder

Emit = Callable[..., None]
"""``emit(kind, level, **fields)`` makes a notice."""


class Sinks:
    """The files of a run and its console; what is added reaches the disk with `flush`."""

    def __init__(
        self,
        folder: RunFolder,
        metric_names: tuple[str, ...],
        value_names: tuple[str, ...],
        catalogue: Catalogue,
        emit: Emit,
        *,
        log_batch_metrics: bool,
        stdout: TextIO | None,
        recovered: Recovered | None = None,
    ) -> None:
        """Open the files, those of earlier attempts as `recovered`; raises `OSError`.

        `emit` is called when something cannot be written.
        """
        self._metric_names, self._value_names = metric_names, value_names
        self._catalogue = catalogue
        self._emit = emit
        self._console = Console(stdout) if stdout is not None else None
        self._console_gone_emitted = False
        self._recovered = recovered
        self._log = LogFile(folder.log)
        self._epoch_csv = CsvParts(
            folder.epoch_csv,
            epoch_header(metric_names, value_names),
            path=recovered.epoch_csv if recovered is not None else None,
            first=recovered.first_epoch if recovered is not None else 1,
        )
        self._batch_csv: CsvParts | None = None
        if log_batch_metrics:
            self._batch_csv = CsvParts(
                folder.batch_csv,
                batch_header(value_names),
                path=recovered.batch_csv if recovered is not None else None,
                first=recovered.first_step if recovered is not None else 1,
            )
        self._journal = AppendFile(folder.journal, exclusive=recovered is None, folder_mode=0o700)
        self._lost: dict[Path, int] = {}
        """Rows that parts which are complete could not take."""
        self._in_trouble: set[AppendFile | Console] = set()
        self._batch_rows: list[bytes] = []
        self._records: list[bytes] = []
        self._restorer = Restorer(
            self._log, self._epoch_csv, self._batch_csv, self._journal, catalogue, recovered, emit
        )
        self._epoch_names: tuple[tuple[str, ...], tuple[str, ...]] = metric_names, ()
        """Of the metrics and values that have a column in the file of the epochs."""
        self._batch_values = 0
        """How many values have a column in the file of the batches."""
        self._step = recovered.history.journal_step if recovered is not None else 0
        self._epoch = recovered.last_epoch if recovered is not None else 0
        self._set_headers()

    @property
    def _files(self) -> list[AppendFile]:
        csvs = [csv.file for csv in (self._epoch_csv, self._batch_csv) if csv is not None]
        return [self._log, *csvs, self._journal]

    @property
    def epoch_csv(self) -> Path:
        """The file with a row an epoch."""
        return self._epoch_csv.path

    @property
    def batch_csv(self) -> Path | None:
        """The file with a row a batch, if there is one."""
        return self._batch_csv.path if self._batch_csv is not None else None

    def line(self, line: str, *, console: bool = True) -> None:
        """A line for the log file, and for the console if it is wanted there."""
        if not self._restorer.refills(self._log):
            self._log.line(line)
        if console and self._console is not None:
            self._console.line(line)

    def record(self, record: AnyRecord) -> None:
        """A record for the journal; a batch also for its CSV file, an epoch for its own."""
        self._records.append(encode_record(record))
        if isinstance(record, BatchRecord):
            self._step = record.step
            if self._batch_csv is not None and not self._restorer.refills(self._batch_csv.file):
                self._batch_rows.append(batch_row(record, self._batch_values).encode())
            return
        self._restorer.keep(record)
        if isinstance(record, EpochSummary):
            self._epoch_row(record)

    def record_earlier(self, record: BatchRecord | EpochSummary, line: str = "") -> None:
        """A batch or an epoch of an earlier attempt: for those of the files that lack it."""
        recovered = self._recovered
        assert recovered is not None
        if isinstance(record, EpochSummary):
            self._restorer.keep(record)
            self._epoch_row(record)
            return
        if record.step > recovered.history.journal_step:
            self._records.append(encode_record(record))
        if recovered.lacks_line(record):
            self._log.line(line)
        self._step = record.step
        if self._batch_csv is not None and recovered.lacks_row(record):
            self._batch_rows.append(batch_row(record, self._batch_values).encode())

    def _epoch_row(self, summary: EpochSummary) -> None:
        known = self._recovered is not None and summary.epoch <= self._recovered.last_epoch
        self._epoch = summary.epoch
        if not known and not self._restorer.refills(self._epoch_csv.file):
            self._epoch_csv.write([epoch_row(summary, *self._epoch_names).encode()])

    def name_values(self, names: tuple[str, ...]) -> None:
        """There are more values: columns of the rows that follow."""
        self._value_names = names
        self._set_headers()

    def name_metrics(self, names: tuple[str, ...]) -> None:
        """There are more metrics of a validation."""
        self._metric_names = names
        self._set_headers()

    def _set_headers(self) -> None:
        self._write_batch_rows()  # they have the columns of before
        names = self._metric_names, self._value_names
        if self._set_header(self._epoch_csv, epoch_header(*names), self._epoch + 1):
            self._epoch_names = names
        if self._batch_csv is not None and self._set_header(
            self._batch_csv, batch_header(self._value_names), self._step + 1
        ):
            self._batch_values = len(self._value_names)
        self._restorer.epoch_names, self._restorer.batch_values = self._epoch_names, self._batch_values

    def _set_header(self, csv: CsvParts, header: str, first: int) -> bool:
        """Whether the file has this header now; if not, further columns stay out of it, and the trouble is told."""
        try:
            complete = csv.set_header(header, first)
        except OSError as error:
            reason = error.strerror or str(error)
            self._emit("file_trouble", "warning", path=str(csv.path), reason=reason)
            return False
        if complete is not None:
            self._restorer.forget(complete)
            self._in_trouble.discard(complete)
            self._lost[complete.path] = complete.close()
            self._emit("csv_part", "info", path=str(complete.path), other=str(csv.path))
        return True

    def _write_batch_rows(self) -> None:
        if self._batch_csv is not None and self._batch_rows:
            self._batch_csv.write(self._batch_rows)
            self._batch_rows.clear()

    def flush(self, *, sync: bool = False) -> None:
        """Write what was added; with `sync`, make the disk keep it."""
        self._write_batch_rows()
        if self._records:
            self._journal.write(self._records)
            self._records.clear()
        for file in self._files:
            file.flush(sync=sync)
        self._restorer.go_on(all_in_journal=not self._journal.waiting and not self._records)
        self._emit_troubles()

    def look(self) -> None:
        """Find out now, not within a second, what others did to the files, and tell it."""
        for file in self._files:
            file.look()
        self.flush()

    def close(self) -> dict[Path, int]:
        """Close everything; rows that could never be written, by file."""
        self.look()
        self.flush()
        self._restorer.go_on(math.inf, all_in_journal=True)
        lost = {**self._lost, **{file.path: file.close() for file in self._files}}
        if self._console is not None:
            lost[Path(self._console.name)] = self._console.close()
        return {path: count for path, count in lost.items() if count}

    def _emit_troubles(self) -> None:
        for file in self._files:
            self._restorer.tell_restored(file)
            if file.error is not None and file not in self._in_trouble:
                self._in_trouble.add(file)
                reason = file.error.strerror or str(file.error)
                self._emit("file_trouble", "warning", path=str(file.path), reason=reason)
            elif file.error is None and file in self._in_trouble:
                self._in_trouble.discard(file)
                self._emit("file_recovered", "info", path=str(file.path))
                if file.lost:
                    self._emit("rows_lost", "warning", path=str(file.path), count=file.lost)
        if self._console is not None:
            self._emit_console_troubles(self._console)

    def _emit_console_troubles(self, console: Console) -> None:
        error = None if console.gone else console.error
        if error is not None and console not in self._in_trouble:
            self._in_trouble.add(console)
            self._emit("file_trouble", "warning", path=console.name, reason=error.strerror or str(error))
        elif error is None and console in self._in_trouble:
            self._in_trouble.discard(console)
            if not console.gone:
                self._emit("file_recovered", "info", path=console.name)
        if console.skipped and console.has_room:
            skipped, console.skipped = console.skipped, 0
            console.line(self._catalogue.text("console_skipped", count=skipped, path=str(self._log.path)))
        if console.gone and not self._console_gone_emitted:
            self._console_gone_emitted = True
            self._emit("console_gone", "warning", path=str(self._log.path))
