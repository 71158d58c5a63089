"""Has the ranks of a training that is not ours do something after the same step (see `reporting/orders.py`)."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..metrics.commands import Command
from ..metrics.events import Standing
from ..reporting.orders import Order, encode_order
from .listener import SocketQueue

ANSWER_SECONDS = 5.0
"""For the answers of all ranks. A rank waits longer than that, so it never gives up what the others do."""
TRIES = 3
"""How often the ranks are asked for one thing."""
WHAT_RANKS_DO = (Command.PAUSE, Command.RESUME, Command.SAVE, Command.STOP_AFTER_EPOCH)
"""What can be done by ranks that listen, and by nobody else; a stop can be made otherwise too."""
WHAT_RANK_0_CAN_TELL = (Command.STOP, Command.SAVE)
"""What the script may do by itself when its rank 0 hears of it."""
FEW_STEPS = 2
"""Ranks that are so far apart may be in step; one that is further behind counts otherwise, or does not report."""


@dataclass
class _Question:
    number: int
    command: Command
    tries_left: int
    asked_at: float
    """`time.monotonic()`."""
    of: list[SocketQueue] = field(default_factory=list)


class Agreement:
    """Asks one thing after the other. `ask` may be called in any thread, `work` in one that looks often."""

    def __init__(
        self,
        standings: Callable[[], list[Standing]],
        others_may_come: Callable[[], bool],
        emit: Callable[..., None],
        otherwise: Callable[[Command], bool] = lambda _: False,
        *,
        will_listen: bool = False,
    ) -> None:
        """`standings` gives the newest answer of each rank; `emit(kind, level, **fields)` makes a notice.

        Nothing is asked while `others_may_come`: what was agreed without them would leave them waiting.
        `otherwise(command)` does without the ranks what they cannot do together; False if it cannot either.
        With `will_listen` it is certain that a rank that listens comes, even if none has.
        """
        self._standings = standings
        self._others_may_come = others_may_come
        self._emit = emit
        self._otherwise = otherwise
        self._will_listen = will_listen
        self._queues: list[SocketQueue] = []
        self._waiting: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._question: _Question | None = None
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
        if not self.listeners and (self._queues or not self._will_listen):
            return False
        self._emit(f"loop_{command}_asked", "info")
        self._waiting.put(command)
        return True

    def work(self) -> None:
        """Go on with what was asked for."""
        if self._question is not None:
            self._go_on(self._question)
        elif not self._waiting.empty() and self._queues and not self._others_may_come():
            self._begin(self._waiting.get())

    def _begin(self, command: Command) -> None:
        if command in (Command.STOP, Command.RESUME):  # ranks that are paused go no further
            self._send(Order("do", 0, Command.RESUME))
            self._otherwise(Command.RESUME)
        if command is not Command.RESUME:
            self._put(command, TRIES)

    def _put(self, command: Command, tries: int) -> None:
        self._number += 1
        self._question = _Question(self._number, command, tries - 1, time.monotonic())

    def _go_on(self, question: _Question) -> None:
        """Ask whoever was not asked yet, and look for the answers."""
        for one in self.listeners:
            if one not in question.of:
                question.of.append(one)
                one.send(encode_order(Order("ask", question.number, question.command)))
        answers = [one for one in self._standings() if one.number == question.number]
        # The time is looked at first: ranks that waited for a run process that was held up have given up by then.
        if not self.listeners or time.monotonic() - question.asked_at > ANSWER_SECONDS:
            self._give_up(question)
        elif len(answers) >= len(self.listeners):
            self._question = None
            self._decide(question, answers)

    def _give_up(self, question: _Question) -> None:
        self._question = None
        self._send(Order("drop", question.number, question.command))
        if self.listeners and question.tries_left:
            self._put(question.command, question.tries_left)
        else:
            self._emit("not_agreed", "warning", command=question.command)

    def _decide(self, question: _Question, answers: list[Standing]) -> None:
        world_size = max(one.world_size for one in answers)
        least, most = min(one.done for one in answers), max(one.done for one in answers)
        number, command = question.number, question.command
        if len(answers) == world_size and least >= most // 2 - FEW_STEPS:
            self._send(Order("do", number, command, max(one.step for one in answers)))
            return
        self._send(Order("drop", number, command))
        if command in WHAT_RANK_0_CAN_TELL:
            self._send(Order("tell", number, command))
            self._emit("agreed_by_rank_0", "warning", command=command)
        elif not self._otherwise(command):
            self._emit("not_by_rank_0", "warning", command=command)

    def _send(self, order: Order) -> None:
        for one in self.listeners:
            one.send(encode_order(order))
