"""How a rank does what the run process wants, after the same step as the other ranks (see `..orders`)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from time import monotonic

from ...metrics.commands import Command
from ..orders import decode_order

NEVER = sys.maxsize
HOLD_SECONDS = 10.0
"""How long a rank waits to hear more.

The run process gives up earlier, so no rank does what another one does not."""
LOOK_SECONDS = 0.5


class Obedience:
    """What was agreed. `take` is called in the thread that listens, everything else on the training thread."""

    def __init__(
        self,
        rank: int,
        world_size: int,
        done: Callable[[], int],
        answer: Callable[[int, int], None],
        taken: Callable[[Command], None],
        gone: Callable[[], None],
    ) -> None:
        """`done` is the number of steps that this rank did, and `answer(number, step)` sends where it stands.

        `taken` is called when something takes effect, `gone` when the run process is.
        """
        self.attention_at = NEVER
        """The step behind which `attend` must be called."""
        self.stop = False
        self.stop_together = False
        """All ranks stop here: their loops may end."""
        self.stop_after_epoch = False
        self._save = False
        self._agreed: dict[Command, int] = {}
        self._question = 0
        self._promised = NEVER
        """Behind this step it waits for the answers of the others."""
        self._paused = False
        self._over = False
        self._rank = rank
        self._only = world_size == 1
        self._done = done
        self._answer = answer
        self._taken = taken
        self._gone = gone
        self._changed = threading.Condition(threading.RLock())

    # ---- the thread that listens --------------------------------------------------------------------------

    def take(self, message: bytes | None) -> None:
        """One message of the run process, None for its end."""
        if message is None:
            self.release()
            self._gone()
            return
        order = decode_order(message)
        with self._changed:
            match order.kind:
                case "ask":
                    self._promise(order.number)
                case "do" if order.command is Command.RESUME:
                    self._agreed.pop(Command.PAUSE, None)
                    self._paused = False
                case "do" if order.number == self._question:
                    self._question, self._promised = 0, NEVER
                    self._agreed[order.command] = order.step
                    self._do_what_is_due(together=True)
                case "drop" if order.number == self._question:
                    self._question, self._promised = 0, NEVER
                case "tell" if self._rank == 0:
                    self._agreed[order.command] = 0
                    self._do_what_is_due(together=False)
            self._look_ahead()
            self._changed.notify_all()

    def release(self) -> None:
        """There is nobody who could say more."""
        with self._changed:
            self._over = True
            self._paused = False
            self.attention_at = NEVER
            self._changed.notify_all()

    def _promise(self, number: int) -> None:
        """Answer with a step that the training thread has not passed, whatever it does meanwhile."""
        self._question = number
        if self._only:
            self._answer(number, self._done())
            return
        while True:
            self._promised = self.attention_at = self._done() + 1
            if self._done() < self._promised:
                break
        self._answer(number, self._promised)

    # ---- the training thread ------------------------------------------------------------------------------

    def attend(self) -> None:
        """The rank stands behind `attention_at`: wait for the others if there is a question, and do what is due."""
        with self._changed:
            until = monotonic() + HOLD_SECONDS
            while not self._over and self._done() >= self._promised:
                if monotonic() > until:
                    self._question, self._promised = 0, NEVER
                self._changed.wait(LOOK_SECONDS)
            self._do_what_is_due(together=True)
            if self._agreed.get(Command.PAUSE, NEVER) <= self._done():
                self._wait_while_paused()
            self._look_ahead()

    def take_save(self) -> bool:
        """Whether a checkpoint was asked for; once for each time."""
        asked, self._save = self._save, False
        if asked:
            self._taken(Command.SAVE)
        return asked

    def _wait_while_paused(self) -> None:
        self._paused = True
        self._taken(Command.PAUSE)
        while self._paused and not self._over:
            self._changed.wait(LOOK_SECONDS)
        self._agreed.pop(Command.PAUSE, None)
        self._taken(Command.RESUME)

    # ---- both ---------------------------------------------------------------------------------------------

    def _do_what_is_due(self, *, together: bool) -> None:
        done = self._done()
        for command in [one for one, step in self._agreed.items() if step <= done and one is not Command.PAUSE]:
            del self._agreed[command]
            match command:
                case Command.STOP:
                    self.stop = True
                    self.stop_together = self.stop_together or together
                    self._taken(command)
                case Command.STOP_AFTER_EPOCH:
                    self.stop_after_epoch = True
                    self._taken(command)
                case Command.SAVE:
                    self._save = True

    def _look_ahead(self) -> None:
        self.attention_at = NEVER if self._over else min([self._promised, *self._agreed.values()])
