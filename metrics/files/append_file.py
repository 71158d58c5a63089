"""A file that only grows, by whole rows, and outlives a full disk."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

RETRY_SECONDS = 0.5
MOST_ROWS = 10_000
"""Rows that wait in memory for room on the disk; of more, the oldest are lost."""


class AppendFile:
    """Appends rows straight to the disk cache: nothing waits in a buffer that a crash could lose.

    A row is a line, or a record of the journal. Rows that cannot be written (disk full, I/O error) are kept in
    memory and tried again with the next write after `RETRY_SECONDS`. A row that was written in part is completed
    first, so that the file always consists of whole rows but for its end. `error` tells the present trouble,
    for the person who can make room.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        """Open the file for appending, `exclusive` only if it is new; raises `OSError`."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (os.O_EXCL if exclusive else 0)
        self.path = path
        self.error: OSError | None = None
        self.lost = 0
        """Rows that were given up."""
        self._fd = os.open(path, flags, 0o644)
        self._torn = b""
        self._waiting: deque[bytes] = deque()
        self._retry_at = 0.0

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk, the one that is there in part included."""
        return len(self._waiting) + bool(self._torn)

    def write(self, rows: Iterable[bytes]) -> None:
        """Append `rows`; never raises for the disk's sake."""
        self._waiting.extend(rows)
        if self.error is None:
            self._write_waiting()
        while len(self._waiting) > MOST_ROWS:
            self._waiting.popleft()
            self.lost += 1

    def flush(self, *, sync: bool = False) -> None:
        """Try again what could not be written; with `sync`, also make the disk keep it."""
        if self.error is not None and time.monotonic() >= self._retry_at:
            self._write_waiting()
        if sync and self.error is None:
            try:
                os.fsync(self._fd)
            except OSError as error:
                self._failed(error)

    def close(self) -> int:
        """Close the file after a last try; the number of rows that are lost for good."""
        self._retry_at = 0.0
        self.flush()
        os.close(self._fd)
        self.lost += self.waiting
        return self.lost

    def _write_waiting(self) -> None:
        data = self._torn + b"".join(self._waiting)
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self._failed(error)
        else:
            self.error = None
        self._keep(len(data))

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
        self.error = error
        self._retry_at = time.monotonic() + RETRY_SECONDS
