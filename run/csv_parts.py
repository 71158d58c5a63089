"""A CSV file of a run that goes on in another part when there are more columns than its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..metrics.files.append_file import AppendFile
from ..metrics.files.csv_header import read_header
from ..metrics.files.csv_repair import next_part


class CsvParts:
    """The newest part of the file, to which rows are added."""

    def __init__(self, whole: Path, header: str, *, path: Path | None = None, first: int = 1) -> None:
        """Open `path`, the part to go on in, or make `whole`, the first one; raises `OSError`.

        `first` is the key of the first row that belongs there. A part with other columns than those of `header`
        stays as it is until there is a row for the next one.
        """
        self.first = first
        """Key, an epoch or a step, of the first row of this part."""
        self._whole = whole
        self.header = header
        exclusive = path is None or not path.exists()
        self.file = AppendFile(path or whole, exclusive=exclusive)
        self._empty = self.path.stat().st_size == 0
        if self._empty:
            self.file.write([header.encode()])
        else:
            self.header = read_header(self.path)[1].decode("utf-8", "replace")

    @property
    def path(self) -> Path:
        """Of this part."""
        return self.file.path

    def write(self, rows: Iterable[bytes]) -> None:
        """Add rows with the columns of the header."""
        self._empty = False
        self.file.write(rows)

    def set_header(self, header: str, first: int) -> AppendFile | None:
        """From the row `first` on there are other columns; the file that is complete with this, if one is.

        Without a row yet, the file gets another header instead. Raises `OSError`; the columns then stay.
        """
        if header == self.header:
            return None
        complete = None
        if self._empty:
            self.file.start_over(keep=False)
        else:
            complete, self.file = self.file, AppendFile(next_part(self._whole), exclusive=True)
        self.file.write([header.encode()])
        self.header, self.first, self._empty = header, first, True
        return complete
