"""Has the ranks of a training that is not ours do something after the same step (see `reporting/orders.py`)."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from ..metrics.commands import Command
from ..metrics.events import Standing
from ..reporting.orders import Order, encode_order
from .listener import SocketQueue

ANSWER_SECONDS = 5.0
"""For the answers of all ranks. A rank waits longer than that, so it never gives up what the others do."""
WHAT_RANKS_DO = (Command.PAUSE, Command.RESUME, Command.SAVE, Command.STOP_AFTER_EPOCH)
"""What can be done by ranks that listen, and by nobody else; a stop can be made otherwise too."""
FEW_STEPS = 2
"""Ranks that are so far apart may be in step; one that is further behind counts otherwise, or does not report."""


class Agreement:
    """Asks one thing after the other. `ask` may be called in any thread, `work` in one that looks often."""

    def __init__(self, standings: Callable[[], list[Standing]], emit: Callable[..., None]) -> None:
        """`standings` gives the newest answer of each rank; `emit(kind, level, **fields)` makes a notice."""
        self._standings = standings
        self._emit = emit
        self._queues: list[SocketQueue] = []
        self._waiting: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._asked: tuple[int, Command, float] | None = None
        """Number of the question, what it is about, and when it was asked."""
        self._number = 0

    def add(self, queue: SocketQueue) -> None:
        """A connection; only ranks that listen count."""
        if queue.listens:
            self._queues.append(queue)

    @property
    def listeners(self) -> list[SocketQueue]:
        """The ranks that can be asked."""
        return [one for one in self._queues if not one.ended]

    def ask(self, command: Command) -> bool:
        """Have it done; False if nobody listens."""
        if not self.listeners:
            return False
        self._emit(f"loop_{command}_asked", "info")
        self._waiting.put(command)
        return True

    def work(self) -> None:
        """Go on with what was asked for."""
        if self._asked is not None:
            self._look_for_answers(*self._asked)
        if self._asked is None and not self._waiting.empty():
            command = self._waiting.get()
            if command is Command.STOP:  # ranks that are paused go no further
                self._send(Order("do", 0, Command.RESUME))
            if command is Command.RESUME:
                self._send(Order("do", 0, command))
            else:
                self._number += 1
                self._asked = self._number, command, time.monotonic()
                self._send(Order("ask", self._number, command))

    def _look_for_answers(self, number: int, command: Command, asked_at: float) -> None:
        answers = [one for one in self._standings() if one.number == number]
        if len(answers) >= len(self.listeners) > 0:
            self._asked = None
            self._decide(number, command, answers)
        elif not self.listeners or time.monotonic() - asked_at > ANSWER_SECONDS:
            self._asked = None
            self._send(Order("drop", number, command))
            self._emit("not_agreed", "warning", command=command)

    def _decide(self, number: int, command: Command, answers: list[Standing]) -> None:
        world_size = max(one.world_size for one in answers)
        least, most = min(one.done for one in answers), max(one.done for one in answers)
        if len(answers) == world_size and least >= most // 2 - FEW_STEPS:
            self._send(Order("do", number, command, max(one.step for one in answers)))
            return
        self._send(Order("drop", number, command))
        if command in (Command.STOP, Command.SAVE):
            self._send(Order("tell", number, command))
        self._emit("agreed_by_rank_0", "warning", command=command)

    def _send(self, order: Order) -> None:
        for one in self.listeners:
            one.send(encode_order(order))
