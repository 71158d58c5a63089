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
        self._metric_names = metric_names
        self._catalogue = catalogue
        self._emit = emit
        self._console = Console(stdout) if stdout is not None else None
        self._console_gone_emitted = False
        self._recovered = recovered
        new = recovered is None
        self._log = LogFile(folder.log)
        self._epoch_csv = _csv(
            recovered.epoch_csv if recovered else folder.epoch_csv, epoch_header(metric_names), new
        )
        self._batch_csv: AppendFile | None = None
        if log_batch_metrics:
            self._batch_csv = _csv(recovered.batch_csv if recovered else folder.batch_csv, batch_header(), new)
        self._journal = AppendFile(folder.journal, exclusive=new, folder_mode=0o700)
        self._files = [f for f in (self._log, self._epoch_csv, self._batch_csv, self._journal) if f is not None]
        self._in_trouble: set[AppendFile | Console] = set()
        self._batch_rows: list[bytes] = []
        self._records: list[bytes] = []
        self._restorer = Restorer(
            self._log,
            self._epoch_csv,
            self._batch_csv,
            self._journal,
            metric_names,
            catalogue,
            recovered,
            emit,
        )

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
            if self._batch_csv is not None and not self._restorer.refills(self._batch_csv):
                self._batch_rows.append(batch_row(record).encode())
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
        if self._batch_csv is not None and recovered.lacks_row(record):
            self._batch_rows.append(batch_row(record).encode())

    def _epoch_row(self, summary: EpochSummary) -> None:
        known = self._recovered is not None and summary.epoch <= self._recovered.last_epoch
        if not known and not self._restorer.refills(self._epoch_csv):
            self._epoch_csv.write([epoch_row(summary, self._metric_names).encode()])

    def flush(self, *, sync: bool = False) -> None:
        """Write what was added; with `sync`, make the disk keep it."""
        if self._batch_csv is not None and self._batch_rows:
            self._batch_csv.write(self._batch_rows)
            self._batch_rows.clear()
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
        lost = {file.path: file.close() for file in self._files}
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


def _csv(path: Path, header: str, new: bool) -> AppendFile:
    """A CSV file with its header; it must not exist if it is `new`."""
    file = AppendFile(path, exclusive=new or not path.exists())
    if path.stat().st_size == 0:
        file.write([header.encode()])
    return file
