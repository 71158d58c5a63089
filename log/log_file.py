"""The log file of a run: every line, each with a time in front."""

from __future__ import annotations

import time
from pathlib import Path

from ..metrics.files.append_file import AppendFile


class LogFile(AppendFile):
    """Keeps lines until the next `flush`, which writes them in one go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._stamp = Stamp()
        self._lines: list[bytes] = []

    def line(self, text: str) -> None:
        """Add one line (or several, if it has line breaks) with the present time."""
        self._lines += self._stamp.rows(text, time.time())

    def flush(self, *, sync: bool = False) -> None:
        """Write the lines added since the last flush."""
        if self._lines:
            self.write(self._lines)
            self._lines.clear()
        super().flush(sync=sync)


class Stamp:
    """Puts the time in front of lines."""

    def __init__(self) -> None:
        self._second = 0
        self._prefix = ""

    def rows(self, text: str, at: float) -> list[bytes]:
        """The lines of `text`, as the log file has them, of the wall clock `at`."""
        second = int(at)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        stamp = f"{self._prefix}.{int((at - second) * 1000):03d} "
        if "\n" not in text:
            return [f"{stamp}{text}\n".encode("utf-8", "backslashreplace")]
        return [f"{stamp}{line}\n".encode("utf-8", "backslashreplace") for line in text.split("\n")]
