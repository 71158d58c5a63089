"""Takes the place of a file that was moved, removed or replaced while it was written to."""

from __future__ import annotations

import os
import time
from pathlib import Path

from .backup import free_backup

CHUNK_BYTES = 1 << 20


class Successor:
    """The file that has the name now. It gets all that is in the one that lost it, which is still open.

    What stands there already may be an older copy of it, as an editor saves one; then only the rest is added.
    Anything else makes way.
    """

    def __init__(self, path: Path, folder_mode: int) -> None:
        """Open `path`, with its folder if that is gone too; raises `OSError`."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=folder_mode)
        self.backup: Path | None = None
        """Where the file went that stood in the place, if it was another one."""
        self.copied = 0
        self._path = path
        self.fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._found = os.fstat(self.fd).st_size

    def copy(self, source: int, seconds: float) -> bool:
        """Copy from `source` for about so long; True when all is there. Raises `OSError`."""
        deadline = time.monotonic() + seconds
        while data := os.pread(source, CHUNK_BYTES, self.copied):
            if self.copied < self._found:
                there = os.pread(self.fd, len(data), self.copied)
                if data[: len(there)] != there:
                    self._make_way()
                    continue
                self.copied += len(there)
            else:
                self.copied += os.write(self.fd, data)
            if time.monotonic() >= deadline:
                return self.copied >= os.fstat(source).st_size
        return True

    def close(self) -> None:
        """Give up."""
        os.close(self.fd)

    def _make_way(self) -> None:
        backup = free_backup(self._path)
        self._path.rename(backup)
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        os.close(self.fd)
        self.fd, self.backup, self._found, self.copied = fd, backup, 0, 0
