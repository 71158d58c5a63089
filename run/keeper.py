"""Sees once a second to what others may take away from a run: its lock, its control socket, its run.json."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

PERIOD_SECONDS = 1.0


class Keeper:
    """Does its chores in a thread of its own while its block runs."""

    def __init__(self, *chores: Callable[[], None]) -> None:
        self._chores = chores
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ended.wait(PERIOD_SECONDS):
            for chore in self._chores:
                chore()
