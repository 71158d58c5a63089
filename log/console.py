"""Plain lines for a person, a pipe or a file: no escape codes, no carriage returns, whole lines only."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections import deque
from typing import TextIO

CAPACITY = 100_000
"""Lines that wait for a slow reader, or for room on the disk, before some are skipped."""

CLOSE_SECONDS = 5.0
"""How long the end of a run waits for a reader that does not read, or for room on the disk."""

RETRY_SECONDS = 0.5

GONE = {errno.EPIPE, errno.EBADF, errno.ENXIO, errno.ENODEV, errno.ECONNRESET, errno.ENOTCONN}
"""What says that nobody will ever read again; all other trouble, such as a full disk, may pass."""


class Console:
    """Writes lines from a thread of its own: a terminal that stalls or goes away never holds up the caller."""

    def __init__(self, stream: TextIO) -> None:
        self.skipped = 0
        """Lines left out because they could not be written, until the caller has told."""
        self.error: OSError | None = None
        """The present trouble, if lines wait for it to pass."""
        self._fd = stream.fileno()
        self.name = _name(self._fd)
        """The file that the lines go to, as a person knows it."""
        self._encoding = stream.encoding
        # EIO is a terminal that was closed, but a disk that may get well again.
        self._gone_errors = GONE if _is_file(self._fd) else GONE | {errno.EIO}
        self._lines: deque[str] = deque()
        self._unwritten = b""
        self._wake = threading.Event()
        self._close_by: float | None = None
        self._gone = False
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """Queue one line."""
        if self._gone:
            return
        if len(self._lines) >= CAPACITY:
            self.skipped += 1
            return
        self._lines.append(text)
        if self.error is None:
            self._wake.set()

    @property
    def gone(self) -> bool:
        """The reader closed its end: nothing can be shown any more."""
        return self._gone

    @property
    def has_room(self) -> bool:
        """Whether a reader that was slow has caught up."""
        return self.error is None and len(self._lines) < CAPACITY // 2

    def close(self) -> int:
        """Write what is queued, waiting a bounded time for it; the number of lines that were left out."""
        self._close_by = time.monotonic() + CLOSE_SECONDS
        self._wake.set()
        self._thread.join(CLOSE_SECONDS + RETRY_SECONDS)
        return 0 if self._gone else self.skipped + len(self._lines) + self._unwritten.count(b"\n")

    def _run(self) -> None:
        while True:
            self._wake.wait(RETRY_SECONDS if self.error is not None else None)
            self._wake.clear()
            while (self._unwritten or self._lines) and self._write_queued():
                pass
            if self._gone or (self._close_by is not None and self._ended(self._close_by)):
                return

    def _ended(self, close_by: float) -> bool:
        return self.error is None or time.monotonic() >= close_by

    def _write_queued(self) -> bool:
        """Write some of the lines; False if that has to wait."""
        if not self._unwritten:
            count = min(len(self._lines), 1000)
            text = "".join(self._lines.popleft() + "\n" for _ in range(count))
            self._unwritten = text.encode(self._encoding, "replace")
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._fd, self._unwritten) :]
        except BlockingIOError:  # someone made the terminal non-blocking
            time.sleep(0.01)
        except OSError as error:
            self.error = error
            if error.errno in self._gone_errors:
                self._gone = True
                self._unwritten = b""
                self._lines.clear()
            return False
        else:
            self.error = None
        return True


def _is_file(fd: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False


def _name(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}") if _is_file(fd) else "stdout"  # noqa: PTH115
    except OSError:
        return "stdout"
