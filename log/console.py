"""Plain lines for a person, a pipe or a file: no escape codes, no carriage returns, whole lines only."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import TextIO

CAPACITY = 100_000
"""How many lines may wait for a slow reader. Further ones are skipped."""

CLOSE_SECONDS = 5.0
"""How long a run that ends waits for a reader that does not read."""


class Console:
    """Writes lines from a thread of its own: a terminal that stalls or goes away never holds up the caller."""

    def __init__(self, stream: TextIO) -> None:
        self.skipped = 0
        """How many lines were left out because the reader is slow, since this was last told."""
        self._fd = stream.fileno()
        self._encoding = stream.encoding
        self._lines: deque[str] = deque()
        self._wake = threading.Event()
        self._closing = False
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
        self._wake.set()

    @property
    def gone(self) -> bool:
        """The reader closed its end: nothing can be shown any more."""
        return self._gone

    @property
    def has_room(self) -> bool:
        """Whether a reader that was slow has caught up."""
        return len(self._lines) < CAPACITY // 2

    def close(self) -> None:
        """Write what is queued, waiting a bounded time for the reader."""
        self._closing = True
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._lines and not self._gone:
                self._write_queued()
            if self._closing or self._gone:
                return

    def _write_queued(self) -> None:
        count = min(len(self._lines), 1000)
        text = "".join(self._lines.popleft() + "\n" for _ in range(count))
        data = text.encode(self._encoding, "replace")
        try:
            while data:
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:  # someone made the terminal non-blocking
                    time.sleep(0.01)
        except OSError:  # EPIPE, or EIO from a terminal that is closed
            self._gone = True
            self._lines.clear()
