"""The lock that a run process holds while it lives: it keeps a second one away, and shows that the run goes on."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from pathlib import Path
from types import TracebackType

from ..errors import UsageError
from .liveness import BEAT_SECONDS, LOCK, LOST_SECONDS, silent_seconds

PATIENCE_SECONDS = 1.0
"""A watcher that looks at the lock holds it for a moment."""

END_SECONDS = 3.0
"""In which a holder that still lives finds out that it was taken over, and ends."""


class RunLock:
    """Held from `acquire` to `release`, or while its block runs; `keep` must be called about once a second.

    The file holds a name of its own for each holder. On a file system without locks that name alone tells a holder
    that another process took the run over.
    """

    def __init__(self, private: Path, *, elsewhere: bool = False, take_over: bool = False) -> None:
        """The lock of a run that went on `elsewhere` when it was last heard of is replaced if its holder is silent.

        To `take_over` is to replace it at any time; that holder then ends.
        """
        self._path = private / LOCK
        self._elsewhere = elsewhere
        self._take_over = take_over
        self._holder = secrets.token_hex(8).encode()
        self._fd = -1
        self._touched_at = 0.0

    def __enter__(self) -> RunLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock; raises `UsageError` when another process runs this run, or the file cannot be written."""
        try:
            fd = _open(self._path)
            if not _lock(fd, PATIENCE_SECONDS):
                os.close(fd)
                silent = silent_seconds(self._path.parent) >= LOST_SECONDS  # also since somebody looked before us
                if not (self._elsewhere and (self._take_over or silent)):
                    raise UsageError("resume_live", run=self._path.parent.name)
                fd = self._put_new_file()
            self._hold(fd)
        except OSError as error:
            raise UsageError("output_dir", path=str(self._path), reason=error.strerror or str(error)) from error
        if self._elsewhere:
            time.sleep(END_SECONDS)

    def keep(self) -> bool:
        """Show that the run lives, and put the file back if it was removed; False if the run was taken over."""
        try:
            if not self._in_place() and not self._take_back():
                return False
            if os.pread(self._fd, len(self._holder) + 1, 0) != self._holder:
                return False
            if time.monotonic() - self._touched_at >= BEAT_SECONDS:
                self._touch()
        except OSError:  # a share that is not there: the next call tries again
            return True
        return True

    def release(self) -> None:
        """Let another process have the run."""
        os.close(self._fd)

    def _in_place(self) -> bool:
        """Whether the file that we hold still has its name."""
        try:
            fd = os.open(self._path, os.O_RDONLY)  # a client of a file server may keep an old stat
        except FileNotFoundError:
            return False
        there, here = os.fstat(fd), os.fstat(self._fd)
        os.close(fd)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def _take_back(self) -> bool:
        """Hold the file that now has the name: a new one, or a copy of ours. False if it is another holder's."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = _open(self._path)
        if os.pread(fd, len(self._holder) + 1, 0) not in (b"", self._holder) or not _lock(fd, PATIENCE_SECONDS):
            os.close(fd)
            return False
        os.close(self._fd)
        self._hold(fd)
        return True

    def _put_new_file(self) -> int:
        """A lock file of our own in the place of the one that is held elsewhere."""
        temporary = self._path.with_name(f"{LOCK}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        fd = _open(temporary)
        _lock(fd, PATIENCE_SECONDS)
        temporary.replace(self._path)
        return fd

    def _hold(self, fd: int) -> None:
        self._fd = fd
        os.ftruncate(fd, 0)
        os.pwrite(fd, self._holder, 0)
        self._touch()

    def _touch(self) -> None:
        os.utime(self._fd)
        self._touched_at = time.monotonic()


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _lock(fd: int, patience: float) -> bool:
    """Lock the file, waiting for `patience` at most; False when another process has it."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return True
        else:
            return True
