"""The queue between one rank and the recorder: a pipe with one writer and one reader.

`multiprocessing.SimpleQueue` has a lock, a pickle and a reader that every message wakes. With two ranks on two
cores these were 80 of the 110 µs of a put, and a third of what recording costs. Here nobody waits for a message:
the reader looks now and then. A rank that is killed leaves no lock behind, only a torn message.
"""

from __future__ import annotations

import multiprocessing
import os

from ..metrics.framing import FrameReader, frame

READ_BYTES = 1 << 16
"""The capacity of a pipe on Linux."""


class EventQueue:
    """Messages in their order. Hand it to the rank as an argument of its process."""

    def __init__(self) -> None:
        self._reader, self._writer = multiprocessing.Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self._frames = FrameReader()

    @property
    def ended(self) -> bool:
        """Never known: the run process watches the process of the rank itself."""
        return False

    @property
    def gone(self) -> bool:
        """Never known, as `ended`."""
        return False

    def close(self) -> None:
        """Close the reading end."""
        self._reader.close()

    def put(self, message: bytes) -> None:
        """Send one message; waits while the pipe is full."""
        rest = memoryview(frame(message))
        while rest:
            rest = rest[os.write(self._writer.fileno(), rest) :]

    def take(self) -> list[bytes]:
        """The messages that have come, at most a pipe full or one longer message; empty if none is whole yet."""
        while True:
            try:
                data = os.read(self._reader.fileno(), READ_BYTES)
            except BlockingIOError:
                return []
            if messages := self._frames.feed(data):
                return messages
