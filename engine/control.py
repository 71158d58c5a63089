"""Commands that take effect at the same batch on every rank.

Rank 0 receives them; every K batches all ranks exchange one tiny control word (an all_reduce with MAX on a gloo
group). K is chosen by rank 0 from the step time, for about `CHECKS_PER_SECOND`, and travels in the
word itself, so all ranks count to the same K.
"""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

import torch
import torch.distributed as dist

from ..metrics.commands import Command

CHECKS_PER_SECOND = 5.0
MOST_BATCHES_BETWEEN = 1000
PAUSED_CHECK_SECONDS = 0.1


class Control:
    """The side of one rank. All ranks must call `due` equally often."""

    def __init__(self, rank: int, commands: Connection | None) -> None:
        """`commands` is rank 0's receiving end of a pipe of single bytes (`Command.code`), None on the others."""
        self.group: dist.ProcessGroup | None = None
        """A gloo group of all ranks, None for a single rank."""
        self.exchanges = 0
        """How often the ranks have exchanged a word."""
        self._rank = rank
        self._commands = commands
        self.one_failed = False
        """Whether a rank told in the last word that something of its own failed."""
        self._word = torch.zeros(3, dtype=torch.int64)
        self._left = 1
        self._interval = 1
        self._checked_at = time.monotonic()

    def due(self) -> bool:
        """Call after every batch; whether the ranks agree on a command now, by `agree`."""
        self._left -= 1
        return self._left <= 0

    def agree(self, *, nonfinite: bool = False, failed: bool = False) -> Command:
        """The command that takes effect now, on all ranks alike; when `due`.

        With `nonfinite` this rank asks for a stop because its loss is not finite. With `failed` it tells the others
        (`one_failed`) that it cannot go on with what they do together.
        """
        command = self._exchange(Command.STOP_NONFINITE if nonfinite else Command.NONE, failed=failed)
        self._left = self._interval
        return command

    def lowest_failed(self, *, failed: bool) -> int | None:
        """The lowest rank that is here with `failed`, None if there is none; all ranks must call it."""
        self.one_failed = False
        if self.group is None:
            return self._rank if failed else None
        nobody = dist.get_world_size(self.group)
        word = torch.tensor([self._rank if failed else nobody])
        dist.all_reduce(word, op=dist.ReduceOp.MIN, group=self.group)
        lowest = int(word.item())
        return lowest if lowest < nobody else None

    def wait_while_paused(self) -> Command:
        """Wait until the ranks agree on another command; the command."""
        while True:
            time.sleep(PAUSED_CHECK_SECONDS)
            command = self._exchange(Command.NONE)
            if command not in (Command.NONE, Command.PAUSE):
                self._checked_at = time.monotonic()
                self._left = self._interval = 1
                return command

    def _exchange(self, own: Command, *, failed: bool = False) -> Command:
        self._word[0] = max(own.code, self._received().code)
        self._word[1] = self._next_interval() if self._rank == 0 else 0
        self._word[2] = failed
        if self.group is not None:
            dist.all_reduce(self._word, op=dist.ReduceOp.MAX, group=self.group)
        self.exchanges += 1
        code, self._interval, one_failed = self._word.tolist()
        self.one_failed = bool(one_failed)
        return Command.of_code(code)

    def _received(self) -> Command:
        if self._commands is None or not self._commands.poll():
            return Command.NONE
        try:
            return Command.of_code(self._commands.recv_bytes(1)[0])
        except EOFError:  # the run process is gone; the rank's watch on it ends the rank
            self._commands = None
            return Command.NONE

    def _next_interval(self) -> int:
        """Batches until the next check, at most four times as many as now: the first steps are slow."""
        now = time.monotonic()
        step_seconds = max(now - self._checked_at, 1e-6) / self._interval
        self._checked_at = now
        wanted = round(1 / (CHECKS_PER_SECOND * step_seconds))
        return max(1, min(wanted, 4 * self._interval, MOST_BATCHES_BETWEEN))
