"""A file that only grows, by whole pieces, and outlives a full disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

RETRY_SECONDS = 0.5


class AppendFile:
    """Appends bytes straight to the disk cache: nothing waits in a buffer that a crash could lose.

    A write that fails (disk full, I/O error) keeps its bytes in memory and is tried again with the next write
    after `RETRY_SECONDS`, so that what is on the disk always is a prefix of what was written. `error` tells the
    present trouble, for the person who can make room.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (os.O_EXCL if exclusive else 0)
        self.path = path
        self.error: OSError | None = None
        self._fd = os.open(path, flags, 0o644)
        self._unwritten = bytearray()
        self._retry_at = 0.0

    def write(self, data: bytes) -> None:
        """Append `data`; never raises for the disk's sake."""
        if not self._unwritten:
            data = self._write_some(data)
        self._unwritten += data

    def flush(self, *, sync: bool = False) -> None:
        """Try again what could not be written; with `sync`, also make the disk keep it."""
        if self._unwritten and time.monotonic() >= self._retry_at:
            self._unwritten = bytearray(self._write_some(bytes(self._unwritten)))
        if sync and not self._unwritten:
            try:
                os.fsync(self._fd)
            except OSError as error:
                self._failed(error)

    @property
    def unwritten(self) -> int:
        """Bytes that wait for room on the disk."""
        return len(self._unwritten)

    def close(self) -> int:
        """Close the file after a last try; the number of bytes that are lost."""
        self._retry_at = 0.0
        self.flush()
        os.close(self._fd)
        return len(self._unwritten)

    def _write_some(self, data: bytes) -> bytes:
        """Write as much as fits; the rest."""
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self._failed(error)
        else:
            self.error = None
        return data

    def _failed(self, error: OSError) -> None:
        self.error = error
        self._retry_at = time.monotonic() + RETRY_SECONDS
