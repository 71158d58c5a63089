"""Shows how far the reading of somebody's data has come, on a line of a terminal that goes away again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

from ..log.catalogue import Catalogue, width

SHOW_AFTER, SHOW_EVERY = 1.0, 0.1
"""Seconds. What is done before the first of them needs no bar."""
BAR = 24
"""Characters."""
CLEAR_LINE = "\r\x1b[K"


class ReadingProgress:
    """The line; nothing where there is no terminal."""

    def __init__(self, catalogue: Catalogue, stream: TextIO) -> None:
        self._catalogue = catalogue
        self._stream = stream
        self._since = time.monotonic()
        self._shown = False

    def show(self, done: int, total: int) -> None:
        """So many of so many files are read."""
        if not self._stream.isatty() or time.monotonic() - self._since < SHOW_AFTER:
            return
        full = BAR * done // max(1, total)
        text = self._catalogue.text("reading", bar="━" * full + "─" * (BAR - full), done=done, total=total)
        if width(text) >= shutil.get_terminal_size().columns:  # a line that is broken could not be cleared
            text = f"{done}/{total}"
        self._stream.write(CLEAR_LINE + text)
        self._stream.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write(CLEAR_LINE)
            self._stream.flush()
            self._shown = False


def now_and_then(tell: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """`tell`, but no more often than a person can see, and when all is done."""
    last = 0.0

    def told(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last >= SHOW_EVERY:
            last = now
            tell(done, total)

    return told
