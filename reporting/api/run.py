"""A run of somebody's own loop, as the loop sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from ...metrics.events import Finished, RankFailed, ValidatedAt, Warned
from ...metrics.records import UNKNOWN
from ..last_word import last_word
from ..reporter import NO_HOW
from .batch_numbers import loss_of, number_kept
from .epochs import Epochs
from .errors import ArgumentError, said, say
from .link import Link
from .numbers import real, whole
from .passes import Pass
from .processes import END_SECONDS, Processes
from .values import Values, mapping

Item = TypeVar("Item")
FAULT_SECONDS = 0.5
"""How long a fault of ours may hold up a training while it is told."""


class Run:
    """What `everybatch.init` gives. Whatever becomes of the recording, the training goes on.

    Use it in a ``with`` block, or call `finish`, or let the process end.
    """

    def __init__(self, connect: Callable[[Run], Link | None], epochs: int, steps: int) -> None:
        """Use `everybatch.init`. `epochs` and `steps` are those of the whole run, `UNKNOWN` if nobody knows.

        `connect` makes its link; None where nothing can be reported.
        """
        self.id = ""
        """Its name for ``everybatch attach``; empty where it is not known, as on ranks that did not start it."""
        self.step = 0
        """Batches that were logged, those before it was resumed included."""
        self.ended = False
        self.ended_at = math.inf
        """`time.monotonic()` when it did."""
        self.counts = Epochs(epochs, steps)
        self.on_end: Callable[[], None] = lambda: None
        """Called when it ends."""
        self.on_settled: Callable[[float], None] = lambda _: None
        """Called when all is sent, with the time until which it may wait for the files."""
        self._connect: Callable[[Run], Link | None] | None = connect
        self._link: Link | None = None
        self._leaving: Link | None = None
        """The link that has sent its last word."""
        self._values = Values(self._warn)
        self._end_told = False
        self._stopped = False
        """A loop over epochs or batches ended because a stop was agreed on."""

    # ---- what a loop calls --------------------------------------------------------------------------------

    def log(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        loss: Any = None,
        lr: Any = None,
        samples: Any = None,
        **named: Any,
    ) -> None:
        """Report one optimizer step; call it once for each, on every rank.

        `loss` is the mean over this rank's samples, undivided and unscaled, `lr` its learning rate, `samples` how
        many there were (`batches` counts them by itself). Every other name is a value of the batch: a number,
        numpy's too, or a tensor of one element on any device. All go by name or in a dict. Raises `ArgumentError`
        for a loss, lr or samples that is no number; any other value that is none is left out, and said once.
        """
        if values is not None:
            named = {**(values if type(values) is dict else mapping(values)), **named}
            loss, lr = named.pop("loss", loss), named.pop("lr", lr)
            samples = named.pop("samples", samples)
        if loss is None:
            raise ArgumentError("api_loss")
        link = self._link or self._ready()
        if type(loss) is not float:
            loss = loss_of(loss, link)
        if type(lr) is not float:
            lr = math.nan if lr is None else number_kept("lr", lr, link)
        if samples is not None:
            samples = whole("samples", samples, 0)
        if self.ended:
            self._say_ended()
            return
        self.step += 1
        if link is None:
            return
        try:
            self._tell_batch(link, loss, lr, samples, named)
            if self.step >= link.obedience.attention_at:
                link.obedience.attend()
        except Exception as error:  # noqa: BLE001 - a fault of ours: whatever it is, the training must go on
            self._fail(error)

    def epochs(self) -> Iterator[int]:
        """The epochs from the one in which the run begins to the last, until a stop is agreed on.

        Without a number of epochs it goes on until the steps are done, and without those until a stop.
        """
        self._ready()
        counts = self.counts
        counts.leave(self._link, self.step, cut=False)
        number = counts.first_epoch
        while (counts.epochs == UNKNOWN or number <= counts.epochs) and not self._is_over(epoch=True):
            counts.enter(number)
            try:
                yield number
            except GeneratorExit:  # a break, or an exception on its way
                if counts.is_inside:
                    counts.leave_later()
                else:
                    counts.leave(self._link, self.step, cut=counts.is_cut)
                raise
            counts.leave(self._link, self.step, cut=self._is_over() and counts.is_cut)
            number += 1

    def batches(self, loader: Iterable[Item]) -> Pass[Item]:
        """Iterate over `loader`: times the wait for data, knows the length, and ends when a stop is agreed on.

        Without `epochs`, each pass in which something is logged is an epoch.
        """
        self._ready()
        return Pass(loader, self.counts.gave, self._is_over)

    def validated(self, values: Mapping[str, Any] | None = None, /, *, loss: Any = None, **named: Any) -> None:
        """Report a validation, at any time and as often as there is one; that of rank 0 counts.

        Its loss and its values are those over all ranks; numbers as `log` takes them. Raises `ArgumentError` for a
        loss that is none.
        """
        if values is not None:
            named = {**mapping(values), **named}
            loss = named.pop("loss", loss)
        loss = None if loss is None else real("loss", loss)
        link = self._link or self._ready()
        if self.ended:
            self._say_ended()
        elif link is not None and link.place.rank == 0:
            try:
                usable, _ = self._values.usable(named)
                metrics = {name: float(value) for name, value in usable.items()}
                link.send(
                    ValidatedAt(0, *self.counts.validated(self.step), loss, metrics, self.counts.seconds_since)
                )
            except Exception as error:  # noqa: BLE001 - as in `log`
                self._fail(error)

    @property
    def stop_asked(self) -> bool:
        """Whether somebody asked for the end: the same answer on all ranks after the same step.

        Where only rank 0 reports, only rank 0 knows, and has to tell the others.
        """
        return self._link is not None and self._link.obedience.stop

    @property
    def save_asked(self) -> bool:
        """Whether somebody asked for a checkpoint: true once for each time, on all ranks after the same step."""
        return self._link is not None and self._link.obedience.take_save()

    def finish(self) -> None:
        """The training is done; what is logged later is not recorded."""
        self._end(lambda link: Finished(link.place.rank, "stopped" if self._was_stopped(link) else "finished"))
        self.settle(monotonic() + END_SECONDS)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish()
        else:
            self.ended_by(error)
            RUNS.settle_meanwhile([self])

    # ---- the process --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Make the link now, not with the first call that needs it."""
        self._ready()

    def ended_by(self, error: BaseException | None) -> None:
        """The process ends by an exception that nobody caught, or by itself. It has to be settled after that."""

        def word(link: Link) -> Finished | RankFailed:
            if error is None:
                early = self._was_stopped(link) or self.counts.is_early(self.step)
                return Finished(link.place.rank, "stopped" if early else "finished")
            if isinstance(error, KeyboardInterrupt):
                return Finished(link.place.rank, "stopped")
            return last_word(link.place.rank, error)

        self._end(word, cut=error is not None or self.counts.is_inside)

    def settle(self, until: float) -> None:
        """It has ended: wait until then at most, till all is sent and written."""
        link, self._leaving = self._leaving, None
        if link is not None and not link.close(until):
            say("api_end_lost", run=self.id)
        settled, self.on_settled = self.on_settled, lambda _: None
        settled(until)

    def let_go(self) -> bool:
        """The process is one that was forked from that of the run: it says nothing.

        A run that has not begun may do so here, as a fork server may have made it.
        """
        if self._connect is not None:
            return False
        if self._link is not None:
            self._link.let_go()
        self._link = None
        self.ended = self._end_told = True
        return True

    def lost(self, error: BaseException) -> None:
        """The run process cannot be reached any more, which is said once; the training goes on."""
        told = self._link is None and self._connect is None
        self._link = self._connect = None
        RUNS.remove(self)
        if not told:
            reason = getattr(error, "strerror", None) or str(error) or said("api_gone")
            say("api_lost", reason=reason)

    # ---- inside -------------------------------------------------------------------------------------------

    def _ready(self) -> Link | None:
        """The link, made with the first call that needs it if it could not be made before."""
        if self._link is None and self._connect is not None:
            connect, self._connect = self._connect, None
            link = connect(self)
            if link is not None:
                self._link = link
                RUNS.watch()
                link.plan(*self.counts.plan)
            else:
                RUNS.remove(self)
        return self._link

    def _fail(self, error: Exception) -> None:
        """A fault of ours, which is told to the run process too."""
        link = self._link
        self._warn("api_failed", error=f"{type(error).__name__}: {error}")
        self.lost(error)
        if link is not None:
            link.say_last(Finished(link.place.rank, "finished"))
            link.close(monotonic() + FAULT_SECONDS)

    def _end(self, word: Callable[[Link], Finished | RankFailed], *, cut: bool = False) -> None:
        """Say how it ended; `cut` if that is inside an epoch, whose end then is that of the run."""
        if self.ended:
            return
        self.ended, self.ended_at = True, monotonic()
        RUNS.remove(self)
        link, self._link, self._connect = self._link, None, None
        if not cut:
            self.counts.leave(link, self.step, cut=self.counts.is_cut)
        if link is not None:
            link.say_last(word(link))
        self._leaving = link
        self.counts.release()
        self.on_end()

    def _was_stopped(self, link: Link) -> bool:
        return self._stopped or link.obedience.stop

    def _say_ended(self) -> None:
        if not self._end_told:
            self._end_told = True
            say("api_after_end", run=self.id)

    def _warn(self, kind: str, **fields: str | int | float) -> None:
        if self._link is not None:
            self._link.send(Warned(self._link.place.rank, kind, fields))

    def _tell_batch(self, link: Link, loss: Any, lr: Any, samples: int, named: dict[str, Any]) -> None:
        reporter, counts = link.reporter, self.counts
        wait, counted = counts.batch(link, self.step)
        numbers: dict[str, Any] | None = None
        if named:
            numbers, how = self._values.usable(named)
            if numbers and how is not NO_HOW:
                reporter.values(numbers, how)
                numbers = None
        reporter.batch_was(loss, lr, samples or counted, wait, 0.0, counts.stepped_at, numbers)

    def _is_over(self, *, epoch: bool = False) -> bool:
        """Whether a loop over batches, or over epochs, ends here."""
        if self.counts.steps != UNKNOWN and self.step >= self.counts.steps:
            return True
        if self._link is None:
            return False
        obedience = self._link.obedience
        stops = obedience.stop_together or (epoch and obedience.stop_after_epoch)
        self._stopped = self._stopped or stops
        return stops


RUNS: Processes[Run] = Processes()
"""Those of this process."""
