"""run.json, from which everyone else knows a run: config, versions, host, pids, state and where it listens."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path


class RunJson:
    """Written as a whole, and again when it was removed. May be used by several threads."""

    def __init__(self, private: Path, trouble: Callable[[Path, OSError], None]) -> None:
        """`trouble` is told when it cannot be written."""
        self._path = private / "run.json"
        self._trouble = trouble
        self._content: dict[str, object] = {}
        self._lock = threading.Lock()

    def update(self, **changes: object) -> None:
        """Change some of its values and write it."""
        with self._lock:
            self._content.update(changes)
            self._write()

    def keep(self) -> None:
        """Write it again if it was removed."""
        with self._lock:
            if self._content and not self._path.exists():
                self._write()

    def _write(self) -> None:
        text = json.dumps(self._content, ensure_ascii=False, indent=2, default=str) + "\n"
        temporary = self._path.with_name("run.json.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A path that is no text in UTF-8 is written with escapes, which a reader of JSON takes back.
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
            os.replace(temporary, self._path)  # noqa: PTH105 - says what it does
        except OSError as error:
            self._trouble(self._path, error)
