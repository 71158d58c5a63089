"""The file that a journal's name leads to, for readers that go on when another file takes its place."""

from __future__ import annotations

import os
from pathlib import Path

START_BYTES = 256
"""Of the first record, which tells one journal from another."""


class JournalFile:
    """Bytes by their place; several readers may share it."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises `OSError`."""
        self._path = path
        self._fd = os.open(path, os.O_RDONLY)

    @property
    def size(self) -> int:
        """Bytes that are there now."""
        return os.fstat(self._fd).st_size

    @property
    def written_at(self) -> float:
        """When something was added, by the wall clock; seconds since 1970."""
        return os.fstat(self._fd).st_mtime

    def pread(self, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset` on."""
        return os.pread(self._fd, size, offset)

    def follow(self, known: bytes, offset: int) -> bool:
        """Change over to the file that has the name now; False if what was read is in neither any more.

        What was read is told by some bytes that are `known`, and where they began. As long as a new file is only a
        part of ours, the writer still copies, and writes to ours.
        """
        try:
            return self._follow(known, offset)
        except OSError:  # it was removed, or its share is not there; a writer that lives makes it anew
            return self.holds(known, offset)

    def _follow(self, known: bytes, offset: int) -> bool:
        fd = os.open(self._path, os.O_RDONLY)
        try:
            there, here = os.fstat(fd), os.fstat(self._fd)
            if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
                return self.holds(known, offset)
            if os.pread(fd, len(known), offset) == known:
                self._fd, fd = fd, self._fd
                return True
            start = os.pread(fd, START_BYTES, 0)
            return self.pread(len(start), 0) == start and there.st_size < offset + len(known)
        finally:
            os.close(fd)

    def holds(self, known: bytes, offset: int) -> bool:
        """Whether these bytes are still there."""
        try:
            return self.pread(len(known), offset) == known
        except OSError:  # a file server has forgotten it
            return False

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
