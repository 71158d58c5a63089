"""What a command prints: kept as it is in a file, and handed on line by line."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import IO, TextIO

READ_BYTES = 1 << 16
TAIL_BYTES = 1 << 16
"""Of the end of what was printed, to be kept at hand."""


class OutputReader:
    """Reads a pipe to its end in a thread of its own, so that the command never waits for anybody."""

    def __init__(self, pipe: IO[bytes], keep: Callable[[bytes], None], show: Callable[[bytes], None]) -> None:
        """`keep` gets all bytes at once; `show` gets whole lines, or the state of a progress bar.

        What has no end of a line for long is shown in pieces.
        """
        self.tail = bytearray()
        """The end of what came; what another pipe brought meanwhile stands beside it in the file."""
        self._pipe = pipe
        self._keep = keep
        self._show = show
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end of the pipe for a bounded time, as a process that was left behind may hold it open."""
        self._thread.join(seconds)

    def _run(self) -> None:
        rest = b""
        with self._pipe:
            while data := os.read(self._pipe.fileno(), READ_BYTES):
                self._keep(data)
                self.tail += data
                if len(self.tail) > 2 * TAIL_BYTES:
                    del self.tail[:-TAIL_BYTES]
                end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
                if end or len(rest) + len(data) > READ_BYTES:
                    end = end or len(data)
                    self._show(rest + data[:end])
                    rest = b""
                rest += data[end:]
        if rest:
            self._show(rest)


def writer_to(stream: TextIO | None) -> Callable[[bytes], None]:
    """Writes bytes to a stream as they are; its reader may be gone, or slow where nothing is to block."""
    if stream is None:
        return lambda _: None
    fd = stream.fileno()
    poll = select.poll()
    poll.register(fd, select.POLLOUT)

    def write(data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data:
                try:
                    data = data[os.write(fd, data) :]
                except BlockingIOError:  # others that have this stream too made it so
                    poll.poll()

    return write
