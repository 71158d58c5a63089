"""What a terminal or a scheduler tells the run process."""

from __future__ import annotations

import signal
from collections import deque
from types import FrameType, TracebackType
from typing import Any


def signal_name(number: int) -> str:
    """SIGKILL and so on; those of real time have no names of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Signals:
    """Notes SIGINT, SIGTERM and SIGHUP while its block runs; a handler does nothing else.

    SIGHUP stays ignored under ``nohup``.
    """

    def __init__(self) -> None:
        self.waiting: deque[signal.Signals] = deque()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.waiting.append(signal.Signals(number))
