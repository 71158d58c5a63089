"""The way of this process to the run process: reporter, orders and the connection that both share."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from ...metrics.commands import Command
from ...metrics.events import AnyEvent, CommandTaken, Finished, Introduced, Planned, RankFailed, Standing
from ..reporter import Reporter
from ..socket_channel import Address, SocketChannel
from .obedience import Obedience
from .place import Place


class Link:
    """Reports, and hears what is wanted."""

    def __init__(
        self,
        address: Address | Callable[[], Address],
        place: Place,
        step: int,
        done: Callable[[], int],
        where: Callable[[], tuple[int, int]],
        lost: Callable[[OSError], None],
    ) -> None:
        """`step` is the number of batches that were told before, `done` that of this run by now.

        `where` gives the epoch and its batches that are done. `lost` is called, in any thread, when the run process
        cannot be reached, with what went wrong.
        """
        self.place = place
        self._done = done
        self._done_before = done()
        self._where = where
        self._ended = False
        self._lost = lost
        self.device_told = False
        """Whether it was told where this rank trains."""
        self.obedience = Obedience(
            place.rank, place.world_size, done, self._answer, self._tell_taken, self._run_process_gone
        )
        self._channel = SocketChannel(address, self.obedience.take)
        self.reporter = Reporter(
            self._channel, rank=place.rank, step=step, world_size=place.world_size, on_gone=self._broken
        )

    def send(self, event: AnyEvent) -> None:
        """Any event, in its place among the batches."""
        self.reporter.send(event)

    def plan(self, epochs: int, steps: int) -> None:
        """How long the training will be; `UNKNOWN` if nobody knows."""
        if self.place.rank == 0:
            self.send(Planned(0, epochs, steps))

    def on_device(self, device: str) -> None:
        """Where this rank trains."""
        self.send(Introduced(self.place.rank, self.place.world_size, device))

    def say_last(self, last_word: Finished | RankFailed) -> None:
        """Send what is left, and nothing more; without a wait."""
        self._ended = True
        self.send(last_word)
        self.reporter.finish()

    def close(self, until: float) -> bool:
        """Wait until then at most for what is left; whether all of it was sent."""
        sent = self.reporter.close(max(0.0, until - monotonic()))
        self._channel.end()
        self.obedience.release()
        return sent

    def let_go(self) -> None:
        """In a forked process: it is the connection of the other one."""
        self._ended = True
        self._channel.close()

    def _answer(self, number: int, step: int) -> None:
        told = self._done() - self._done_before
        self.send(Standing(self.place.rank, number, step, told, self.place.world_size))

    def _tell_taken(self, command: Command) -> None:
        if self.place.rank == 0 and not self._ended:
            plain = command in (Command.PAUSE, Command.RESUME)
            self.send(CommandTaken(0, command if plain else f"{command}_told", *self._where()))

    def _broken(self, error: OSError) -> None:
        self.obedience.release()
        if not self._ended:
            self._lost(error)

    def _run_process_gone(self) -> None:
        if not self._ended:
            self._lost(ConnectionResetError())
