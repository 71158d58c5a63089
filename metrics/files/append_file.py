"""A file that only grows, by whole rows, and outlives a full disk and whatever others do to it."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .backup import free_backup
from .successor import Successor

RETRY_SECONDS = 0.5
MOST_ROWS = 10_000
"""Rows that wait in memory for room on the disk; of more, the oldest are lost."""
LOOK_SECONDS = 0.9
"""Between two looks at whether the file still has its name, and its end."""
COPY_SECONDS = 0.02
"""Of a flush, for giving a file its name back."""
TAIL_BYTES = 64
"""Of the end that we wrote: somebody who writes to the file as a whole changes it."""


@dataclass(frozen=True)
class Restored:
    """A file that was moved, removed or replaced has its name again, and all its rows."""

    backup: Path | None
    """Where the file went that stood in its place, if it was another one."""


class AppendFile:
    """Appends rows straight to the disk cache: nothing waits in a buffer that a crash could lose.

    A row is a line, or a record of the journal. Rows that cannot be written (disk full, I/O error) are kept in
    memory and tried again with the next write after `RETRY_SECONDS`. A row that was written in part is completed
    first, so that the file always consists of whole rows but for its end. `error` tells the present trouble,
    for the person who can make room.

    When the name leads elsewhere, rows go on into the file that is open while another one takes its place. When
    the file itself was cut or written to by others, it is `damaged`: the owner calls `start_over` and fills it.
    """

    def __init__(self, path: Path, *, exclusive: bool = False, folder_mode: int = 0o777) -> None:
        """Open the file for appending, `exclusive` only if it is new; raises `OSError`.

        `folder_mode` is that of its folder, should it have to be made again.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | (os.O_EXCL if exclusive else 0)
        self.path = path
        self.lost = 0
        """Rows that were given up."""
        self.restored: Restored | None = None
        """What was made good, until the owner has told it."""
        self.damaged = False
        self._absolute = path.absolute()  # the current folder may go as well
        self._folder_mode = folder_mode
        self._fd = os.open(path, flags, 0o644)
        self._write_error: OSError | None = None
        self._name_error: OSError | None = None
        self._torn = b""
        self._waiting: deque[bytes] = deque()
        self._retry_at = 0.0
        opened = os.fstat(self._fd)
        self._is_file = stat.S_ISREG(opened.st_mode)  # else, as with /dev/null, nothing is kept
        self._end = opened.st_size
        self._tail = b""
        """The last bytes before `_end` that we wrote."""
        self._rows = 0
        """That were ever added."""
        self._looked_at = time.monotonic()
        self._successor: Successor | None = None

    @property
    def error(self) -> OSError | None:
        """The present trouble; None if all is well."""
        return self._write_error or self._name_error

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk, the one that is there in part included."""
        return len(self._waiting) + bool(self._torn)

    def write(self, rows: Iterable[bytes]) -> None:
        """Append `rows`; never raises for the disk's sake."""
        before = len(self._waiting)
        self._waiting.extend(rows)
        self._rows += len(self._waiting) - before
        if self._write_error is None:
            self._write_waiting()
        while len(self._waiting) > MOST_ROWS:
            self._waiting.popleft()
            self.lost += 1

    def flush(self, *, sync: bool = False) -> None:
        """Try again what could not be written; with `sync`, also make the disk keep it."""
        now = time.monotonic()
        if self._write_error is not None and now >= self._retry_at:
            self._write_waiting()
        if now - self._looked_at >= LOOK_SECONDS:
            self.look()
        if self._successor is not None:
            self._follow(self._successor, COPY_SECONDS)
        if sync and self._write_error is None:
            try:
                os.fsync(self._fd)
            except OSError as error:
                self._failed(error)

    def look(self) -> None:
        """Compare the file with its name, and its end with what was written; `flush` does so once a second."""
        self._looked_at = time.monotonic()
        self._look()

    def start_over(self, *, keep: bool = True) -> Path | None:
        """Empty a file, as one that was damaged; the backup of what stood there, None if that was nothing.

        Raises `OSError`. What still waited to be written is dropped: the owner writes it all again. Without `keep`
        there is no backup.
        """
        backup = None
        if keep and os.fstat(self._fd).st_size:
            backup = free_backup(self._absolute)
            shutil.copy2(self._absolute, backup)
        os.ftruncate(self._fd, 0)
        self._waiting.clear()
        self._torn = self._tail = b""
        self._end = 0
        self.damaged = False
        return backup

    def close(self) -> int:
        """Close the file after a last try; the number of rows that are lost for good."""
        self._retry_at = 0.0
        self.look()
        self.flush()
        while self._successor is not None and self._name_error is None:
            self._follow(self._successor, COPY_SECONDS)
        if self._name_error is not None and not os.fstat(self._fd).st_nlink:
            self.lost += self._rows - self.waiting  # with a name it would be whole where it was moved to
        os.close(self._fd)
        self.lost += self.waiting
        return self.lost

    def _write_waiting(self) -> None:
        data = self._torn + b"".join(self._waiting)
        whole = data
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self._failed(error)
        else:
            self._write_error = None
        self._keep(len(data))
        written = whole[: len(whole) - len(data)]
        if written:
            self._wrote(written)

    def _wrote(self, data: bytes) -> None:
        if not self._is_file:
            return
        end = os.lseek(self._fd, 0, os.SEEK_CUR)  # what is appended leaves the offset behind itself
        if end != self._end + len(data) and (end < self._end + len(data) or not self._tail_stands()):
            self.damaged = True
        self._end = end
        self._tail = (self._tail + data)[-TAIL_BYTES:] if len(data) < TAIL_BYTES else data[-TAIL_BYTES:]

    def _keep(self, unwritten: int) -> None:
        """Drop what is written: all but the last `unwritten` bytes of what waits."""
        kept: deque[bytes] = deque()
        while unwritten and self._waiting:
            row = self._waiting.pop()
            if len(row) > unwritten:
                self._torn = row[-unwritten:]
                break
            kept.appendleft(row)
            unwritten -= len(row)
        else:
            self._torn = self._torn[len(self._torn) - unwritten :]
        self._waiting = kept

    def _failed(self, error: OSError) -> None:
        self._write_error = error
        self._retry_at = time.monotonic() + RETRY_SECONDS

    # ---- what others do -----------------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            there = self._absolute.stat()
        except (FileNotFoundError, NotADirectoryError):
            there = None
        except OSError:  # it cannot be seen now, which says nothing
            return
        here = os.fstat(self._fd)
        if not stat.S_ISREG(here.st_mode) or (there is not None and not stat.S_ISREG(there.st_mode)):
            return
        if there is not None and _same(there, here):
            self._give_up_successor()
            self._name_error = None
            self.damaged = self.damaged or here.st_size < self._end or not self._tail_stands()
        elif self._successor is None or there is None or not _same(there, os.fstat(self._successor.fd)):
            self._give_up_successor()
            self._name_error = None
            try:
                self._successor = Successor(self._absolute, self._folder_mode)
            except OSError as error:
                self._name_error = error

    def _tail_stands(self) -> bool:
        try:
            return os.pread(self._fd, len(self._tail), self._end - len(self._tail)) == self._tail
        except OSError:
            return True

    def _follow(self, successor: Successor, seconds: float) -> None:
        """Copy on, and change over once nothing is left to copy."""
        try:
            if not successor.copy(self._fd, seconds):
                return
            end = os.fstat(successor.fd).st_size
            self._tail = os.pread(successor.fd, TAIL_BYTES, max(0, end - TAIL_BYTES))
        except OSError as error:
            self._name_error = error
            return
        os.close(self._fd)
        self._fd, self._end = successor.fd, end
        self._successor, self._name_error = None, None
        self.restored = Restored(successor.backup)

    def _give_up_successor(self) -> None:
        if self._successor is not None:
            self._successor.close()
            self._successor = None


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
