"""Makes good what others do to the files of a run while they are written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..log.catalogue import Catalogue
from ..log.log_file import LogFile
from ..metrics.files.append_file import AppendFile
from ..metrics.files.journal import encode_record
from ..metrics.records import AnyRecord, EpochStarted, EpochSummary, RunStarted, RunTold
from .csv_parts import CsvParts
from .recovery import Recovered
from .refill import Refill, batch_rows, epoch_rows, log_rows

REFILL_SECONDS = 0.03
"""Of a flush, for writing one file anew."""


class Restorer:
    """Writes a file anew that was cut or written to by others: log and CSV files from the journal.

    The journal itself is gone then, but for what every reader needs: the attempt, its epochs, and where it is.
    """

    def __init__(
        self,
        log: LogFile,
        epoch_csv: CsvParts,
        batch_csv: CsvParts | None,
        journal: AppendFile,
        catalogue: Catalogue,
        recovered: Recovered | None,
        emit: Callable[..., None],
    ) -> None:
        """`emit` is told what was done; `recovered` are the files of earlier attempts."""
        self._log, self._epoch_csv, self._batch_csv, self._journal = log, epoch_csv, batch_csv, journal
        self.epoch_names: tuple[tuple[str, ...], tuple[str, ...]] = (), ()
        """Of the metrics and values that have a column in the file of the epochs."""
        self.batch_values = 0
        """How many values have a column in the file of the batches."""
        self._catalogue = catalogue
        self._recovered = recovered
        self._emit = emit
        self._refills: dict[AppendFile, Refill] = {}
        self._started: RunStarted | None = None
        self._summaries: list[EpochSummary] = []
        self._told: RunTold | None = None
        self._epoch: EpochStarted | None = None

    def refills(self, file: AppendFile) -> bool:
        """Whether `file` is being written anew: what is new reaches it from the journal."""
        return file in self._refills

    def forget(self, file: AppendFile) -> None:
        """Leave a file that gets no more rows as it is."""
        refill = self._refills.pop(file, None)
        if refill is not None:
            refill.close()

    def keep(self, record: AnyRecord) -> None:
        """Take a record that the journal got, other than a batch."""
        match record:
            case RunStarted():
                self._started, self._told = record, None
            case RunTold():
                self._told = record
            case EpochStarted():
                self._epoch = record
            case EpochSummary():
                self._summaries.append(record)

    def go_on(self, seconds: float = REFILL_SECONDS, *, all_in_journal: bool) -> None:
        """Write for about so long. A file is done only when `all_in_journal` is what there is to write."""
        for file, refill in list(self._refills.items()):
            if refill.go_on(seconds) and all_in_journal:
                refill.close()
                del self._refills[file]
        csvs = [csv.file for csv in (self._epoch_csv, self._batch_csv) if csv is not None]
        for one in (self._journal, self._log, *csvs):
            if one.damaged:
                self._begin(one)

    def tell_restored(self, file: AppendFile) -> None:
        """Emit that a file has its name again."""
        if file.restored is None:
            return
        backup, file.restored = file.restored.backup, None
        kind = "file_restored" if backup is None else "file_replaced"
        self._emit(kind, "warning", path=str(file.path), backup=str(backup))

    def _begin(self, file: AppendFile) -> None:
        try:
            backup = self._begin_journal() if file is self._journal else self._begin_refill(file)
        except OSError:  # the next flush tries again
            return
        kind = "journal_emptied" if file is self._journal else "file_refilled"
        self._emit(kind, "warning", path=str(file.path), backup=str(backup or "-"))

    def _begin_journal(self) -> Path | None:
        backup = self._journal.start_over()
        records: list[AnyRecord] = [self._started] if self._started is not None else []
        records += [self._told] if self._told is not None else []
        records += self._summaries
        records += [self._epoch] if self._epoch is not None else []
        self._journal.write([encode_record(record) for record in records])
        return backup

    def _begin_refill(self, file: AppendFile) -> Path | None:
        recovered = self._recovered
        starts = list(recovered.history.starts) if recovered is not None else []
        if self._started is not None:
            starts.append((self._started.attempt, self._started.start))
        header, rows = "", log_rows(self._catalogue)
        if self._batch_csv is not None and file is self._batch_csv.file:
            header, rows = self._batch_csv.header, batch_rows(starts, self._batch_csv.first, self.batch_values)
        elif file is self._epoch_csv.file:
            header, rows = self._epoch_csv.header, epoch_rows(starts, self._epoch_csv.first, *self.epoch_names)
        refill = Refill(file, header, rows, self._journal.path)
        self._refills[file] = refill
        return refill.backup
