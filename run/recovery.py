"""Makes the files of a run fit for another attempt, and finds what a killed one could not write any more."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..metrics.events import AnyEvent
from ..metrics.files.csv_repair import Repair, has_columns, next_part, parts_of, repair_csv
from ..metrics.files.csv_rows import BATCH_COLUMNS, EPOCH_COLUMNS
from ..metrics.history import History, read_history
from ..metrics.records import BatchRecord, Notice, Start
from .run_folder import RunFolder

TAIL_BYTES = 1 << 20
"""How much of the end of the log file is searched for its last batch line."""

_BATCH_LINE = re.compile(rb"Epoch \[(\d+)/(?:\d+|\?)\] - .* \((\d+)/(?:\d+|\?)\) - Batch Loss: ")


@dataclass
class Recovered:
    """The state in which the files of a run are now."""

    history: History
    epoch_csv: Path
    batch_csv: Path
    last_epoch: int
    """The last epoch that has a row in its CSV file. The batch CSV has rows up to `last_step`."""
    last_step: float
    last_line: tuple[int, int]
    """Epoch and batch of the last batch line in the log."""
    first_epoch: int = 1
    """The first epoch that belongs into its file: earlier ones are in another part. The same for the steps."""
    first_step: int = 1
    notices: list[Notice] = field(default_factory=list)
    """What had to be done."""

    def lacks_row(self, record: BatchRecord) -> bool:
        """Whether the batch CSV should hold `record` and does not."""
        return record.step > self.last_step

    def lacks_line(self, record: BatchRecord) -> bool:
        """Whether the log should hold `record` and does not."""
        return (record.epoch, record.batch) > self.last_line


def recover(
    folder: RunFolder,
    start: Start,
    last_events: Iterable[AnyEvent],
    world_size: int,
    metric_names: tuple[str, ...],
    *,
    log_batch_metrics: bool,
) -> Recovered:
    """Repair all files for an attempt that begins at `start`; raises `OSError`.

    `last_events` are what the checkpoint kept of its `world_size` ranks.
    """
    recovered = Recovered(History(), folder.epoch_csv, folder.batch_csv, 0, math.inf, (0, 0))
    recovered.epoch_csv, recovered.first_epoch, recovered.last_epoch = _csv(
        folder.epoch_csv,
        (*EPOCH_COLUMNS, *(f"val_{name}" for name in metric_names)),
        "epoch",
        start.epoch - 1,
        recovered.notices,
    )
    if log_batch_metrics:
        recovered.batch_csv, recovered.first_step, recovered.last_step = _csv(
            folder.batch_csv, BATCH_COLUMNS, "step", start.step, recovered.notices
        )
    recovered.last_line = _cut_torn_line(folder.log)
    history = recovered.history = read_history(
        folder.journal,
        start,
        last_events,
        world_size,
        lambda record: recovered.lacks_row(record) or recovered.lacks_line(record),
    )
    if history.journal_damaged:
        _tell(recovered.notices, "journal_damaged", path=str(folder.journal), count=history.journal_damaged)
    if history.unknown:
        _tell(recovered.notices, "batches_unknown", count=history.unknown)
    if folder.journal.exists():
        os.truncate(folder.journal, history.journal_end)
    return recovered


def _csv(whole: Path, columns: Sequence[str], key: str, last: int, notices: list[Notice]) -> tuple[Path, int, int]:
    """The part to go on in, the key of the first row that belongs there, and that of the last row of all.

    A part without a row that counts is one that the run will write again.
    """
    *earlier, newest = parts_of(whole)
    if not newest.exists() or newest.stat().st_size == 0:
        newest.unlink(missing_ok=True)
        return newest, 1, 0
    kept = 0
    for path in earlier:
        kept = max(kept, _repaired(path, key, last, notices).last)
    if not has_columns(newest, columns):
        other = next_part(whole)
        _tell(notices, "csv_header", path=str(newest), other=str(other))
        return other, last + 1, last
    repair = _repaired(newest, key, last, notices)
    first = 1 if newest == whole else repair.first if repair.last else kept + 1
    return newest, first, max(kept, repair.last)


def _repaired(path: Path, key: str, last: int, notices: list[Notice]) -> Repair:
    repair = repair_csv(path, key, last)
    if repair.damaged:
        _tell(notices, "csv_damaged", path=str(path), count=repair.damaged, backup=str(repair.backup))
    if repair.dropped:
        fields: dict[str, str | int | float] = {
            "path": str(path),
            "count": repair.dropped,
            "backup": str(repair.backup),
        }
        notices.append(Notice("csv_dropped", "info", fields))
    return repair


def _cut_torn_line(log: Path) -> tuple[int, int]:
    """Cut the log behind its last whole line; epoch and batch of its last batch line, (0, 0) if it has none."""
    if not log.exists():
        return (0, 0)
    size = log.stat().st_size
    with log.open("rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    os.truncate(log, size - len(tail) + len(whole))
    lines = _BATCH_LINE.findall(whole)
    return (int(lines[-1][0]), int(lines[-1][1])) if lines else (0, 0)


def _tell(notices: list[Notice], kind: str, **fields: str | int | float) -> None:
    notices.append(Notice(kind, "warning", dict(fields)))
