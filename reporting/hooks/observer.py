"""Makes batches and epochs out of what a script does with torch: loader passes, backwards, optimizer steps.

A batch is an optimizer step, told with the loss that was given to backward, undivided. Of several optimizers the
first one to step counts; the losses of the others are named values of its batch. An epoch is a pass over a loader
that leads to a step; without a loader a training is one epoch.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import get_ident
from time import monotonic
from typing import Any

from ...metrics.events import Finished, RankFailed, Warned
from ...metrics.records import UNKNOWN
from ..last_word import last_word
from ..reporter import Reporter
from ..samples import UNCOUNTED
from .epochs import Epochs, Length
from .learning_rate import learning_rate
from .losses import Division, division_of
from .passes import LoaderPass, Passes
from .remarks import Remarks
from .step_losses import StepLosses
from .turns import Turns, nobody

Connect = Callable[[str], Reporter]
"""Makes the reporter of a process that trains on the device which the argument names."""

FIRST_IN_STEP = 2


class Observer:
    """Sees one training process. All but `finish` is called on the training thread."""

    def __init__(self, connect: Connect, length: Length) -> None:
        """`connect` is called with the first loss: only then it is known that this process trains."""
        self._steps = 0
        self.losses = StepLosses()
        """Those given to backward since the step before."""
        self.held: tuple[Any, float, int, float, float, float] | None = None
        """A batch that is done but not told, as another optimizer may still have a loss to add."""
        self.in_step = 0
        """0, or 1 while an optimizer makes a step, and one more for each backward that its closure calls."""
        self.usual: LoaderPass | None = None
        """The pass of the step before, if that had one loss, one optimizer and one batch, as most have, and no
        other pass gave any since: if the next step is like it, it is told in a shorter way."""
        self._usual_steps = 0
        """Those that were told in that way and are not counted yet."""
        self._usual_until = UNKNOWN
        """So many of them make the batches of the epoch that were told, so that the next one would be too many."""
        self._driving: Callable[[], Any] = nobody
        """The optimizer of that step."""
        self.passes = Passes()
        self.thread = 0
        """The one that trains; 0 before the first loss."""
        self._epochs = Epochs(self.passes, length)
        self._connect = connect
        self._reporter: Reporter | None = None
        self._turns = Turns()
        self._remarks = Remarks()
        self._values: dict[str, Any] = {}
        """Named losses of the batch that is held."""
        self._first_loss_at = self._stepped_at = 0.0

    @property
    def trains(self) -> bool:
        """Whether this process has reported anything."""
        return self._reporter is not None

    @property
    def steps(self) -> int:
        """Batches that were told, those whose step the scaler skipped included."""
        return self._steps + self._usual_steps

    @property
    def epoch(self) -> int:
        """The newest one."""
        return self._epochs.number

    @property
    def wants_division(self) -> bool:
        """Whether by what the next loss is divided must be known: where several batches make one step."""
        return bool(self.losses) or self.losses.accumulation.several

    # ---- data ---------------------------------------------------------------------------------------------

    def batch_begins(self, one: LoaderPass) -> None:
        """A pass is asked for a batch."""
        if not one.given:
            one.in_thread = get_ident()
        if self.held is not None and one.in_thread == self.thread:
            self.tell_held()

    def gave(self, one: LoaderPass) -> None:
        """A pass other than the usual one gave a batch."""
        self.usual = None
        self.passes.gave(one)

    def exhausted(self, one: LoaderPass) -> None:
        """A loader has no more."""
        one.exhausted, one.goes_on = True, False
        if one is self.usual:
            self.usual = None
        if not self.losses and one.in_thread == self.thread:
            if one.skips and not one.ahead:
                one.sizes.clear()  # the last ones were skipped too
            self._end_used_up()

    # ---- learning -----------------------------------------------------------------------------------------

    def backward(
        self, loss: Any, value: float | None = None, division: Division | None = None, *, together: bool = False
    ) -> None:
        """A loss, a tensor of one element, goes into backward, or `together` with the one before.

        Its `value` if that is known; `division` is its own if it has no graph.
        """
        if self.in_step:
            self.in_step += 1
            if self.in_step > FIRST_IN_STEP:  # an optimizer that evaluates its closure again and again
                return
        losses, usual = self.losses, self.usual
        if usual is not None and not losses and usual.sizes and usual.goes_on:
            losses.forward_done = monotonic()
            losses.samples = usual.sizes.popleft() or UNCOUNTED
            losses.micro_batches = 1
            losses.append(value if value is not None else self._reporter.keep(loss))  # type: ignore[union-attr]
            return
        reporter = self._reporter or self._began(str(loss.device))
        if losses or losses.accumulation.several:
            losses.divisions.append(division or division_of(loss))
        if not losses:
            losses.samples = losses.micro_batches = 0
            losses.forward_done = monotonic()
        elif not self.steps:
            losses.limit()
            self._remarks.no_step_yet(reporter, self._first_loss_at)
        losses.append(value if value is not None else reporter.keep(loss))
        if not together:
            losses.use_batch(self.passes, first=len(losses) == 1)

    def stepped(self, optimizer: Any, *, skipped: bool = False) -> None:
        """An optimizer made a step, or the scaler `skipped` it as a gradient is not finite."""
        self.in_step = 0
        if not self.losses:
            if not self.steps and self._remarks.has_many_steps_without_loss():
                self._remarks.once(self._reporter or self._began(""), "no_losses")
            return
        usual, losses, reporter = self.usual, self.losses, self._reporter
        assert reporter is not None  # it was made with the first loss
        if (
            usual is not None
            and len(losses) == 1
            and len(usual.sizes) == usual.ahead
            and self._usual_steps != self._usual_until
            and self._driving() is optimizer
            and not (losses.cleared or skipped)
        ):
            rate = optimizer.param_groups[0]["lr"]
            if type(rate) is not float:
                rate = learning_rate(optimizer, reporter)
            wait, usual.waited = usual.waited, 0.0
            usual.given_before = usual.given
            self._usual_steps += 1
            self._stepped_at = now = monotonic()
            samples = losses.samples
            reporter.batch_was(losses.pop(), rate, samples if samples > 0 else 0, wait, losses.forward_done, now)
        else:
            self._stepped_unusually(reporter, optimizer, skipped=skipped)

    def _stepped_unusually(self, reporter: Reporter, optimizer: Any, *, skipped: bool) -> None:
        """What `stepped` does where it does not go as in the step before: the whole of it."""
        self._count_usual_steps()
        losses = self.losses
        if losses.cleared:
            losses.leave_out_cleared(optimizer)
        turns, passes = self._turns, self.passes
        turn = turns.again(optimizer) or turns.take(optimizer, fresh=passes.are_fresh(losses.of_pass))
        if len(losses) == 1 and not losses.accumulation.several:
            loss = losses[0]
        else:
            loss, as_given = losses.together()
            if as_given:
                self._remarks.once(reporter, "loss_as_given", batches=losses.batches)
        self.usual = None
        if turn.number:
            if turn.number not in self._remarks.named:
                self._remarks.name(reporter, turn.number, optimizer)
            if self.held is not None:
                self._values[f"loss_{turn.number + 1}"] = loss
        else:
            self._count_batch(reporter, optimizer, loss, skipped=skipped, another=turn.another)
            one = passes.current
            usual = one is not None and one is losses.of_pass and one.in_thread == get_ident()
            if usual and not (turns.others or skipped or losses.accumulation.several):
                self.usual, self._driving = one, weakref.ref(optimizer)
                self._usual_until = self._epochs.told - self._epochs.batches
        losses.clear()
        self._end_used_up()

    def _count_batch(self, reporter: Reporter, optimizer: Any, loss: Any, *, skipped: bool, another: bool) -> None:
        """A batch is done: tell it, or hold it until all of its optimizers have made their step."""
        epochs, losses, one = self._epochs, self.losses, self.losses.of_pass
        self.tell_held()
        stays = epochs.belongs(reporter, one, another=another)
        left_out = []
        if one is not None and (not stays or one is self.passes.current):
            left_out = one.leave_out(None if stays else losses.micro_batches)
            if one.skips and any(each * losses.micro_batches != losses.samples for each in (*left_out, *one.sizes)):
                losses.samples = UNCOUNTED  # nobody knows which of them were used
        if not stays:
            batches = 0 if left_out else losses.batches
            epochs.enter(reporter, one, batches, another=another, first_loss_at=self._first_loss_at)
        elif left_out:
            epochs.skipped_some(reporter)
        samples = max(0, losses.samples)
        epochs.stepped_at = now = monotonic()
        self._steps += 1
        wait = self.passes.stepped(one)
        batch = (loss, learning_rate(optimizer, reporter), samples, wait, losses.forward_done, now)
        if self._turns.others:
            self.held = batch
        else:
            reporter.batch_was(*batch)
        epochs.batches += 1
        if skipped:
            epochs.skipped += 1
            self._remarks.once(reporter, "step_skipped", epoch=epochs.number, batch=epochs.batches - 1)

    # ---- the end ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The process ends by itself."""
        self.tell_held()
        self._epochs.end_with_process(self._reporter)
        if self._reporter is not None:
            if not self.steps and not self._remarks.steps_without_loss:
                self._remarks.once(self._reporter, "no_steps")
            self._last_word(Finished(self._reporter.rank, "finished"))

    def fail(self, error: BaseException) -> None:
        """The process ends by an exception that nobody caught."""
        self.tell_held()
        if self._reporter is not None:
            self._last_word(last_word(self._reporter.rank, error))

    def break_off(self) -> None:
        """What comes from here on is not seen: the epoch that is open will not be told to be completed."""
        self._epochs.is_open = False
        self.held = self.usual = None

    def hand_over(self) -> None:
        """The training tells of itself from here on: tell what is left, and nothing more."""
        self._end_epoch()
        self.usual = None
        reporter, self._reporter = self._reporter, None
        if reporter is not None:
            reporter.close()

    def warn(self, kind: str, **fields: str | int | float) -> bool:
        """Have something said in the log of the run; False if this process has not reported to one."""
        if self._reporter is None:
            return False
        self._reporter.send(Warned(self._reporter.rank, kind, fields))
        return True

    # ---- a batch ------------------------------------------------------------------------------------------

    def _began(self, device: str) -> Reporter:
        self._first_loss_at = monotonic()
        self.thread = get_ident()
        self._reporter = self._connect(device)
        return self._reporter

    def tell_held(self) -> None:
        """Tell the batch that is held, if one is: the next one begins, or there is none."""
        if self.held is None or self._reporter is None:
            return
        batch, self.held = self.held, None
        if self._values:
            self._reporter.values(self._values)
            self._values = {}
        self._reporter.batch_was(*batch)

    # ---- an epoch ------------------------------------------------------------------------------------------

    def _count_usual_steps(self) -> None:
        if self._usual_steps:
            self._epochs.batches += self._usual_steps
            self._epochs.stepped_at = self._stepped_at
            self._steps += self._usual_steps
            self._usual_steps = 0

    def _end_epoch(self) -> None:
        self.tell_held()
        self._count_usual_steps()
        self._epochs.end(self._reporter)

    def _end_used_up(self) -> None:
        """End the epoch if its pass has nothing more to give, and what it gave is learnt from."""
        if self._epochs.is_used_up:
            self._end_epoch()

    def _last_word(self, event: Finished | RankFailed) -> None:
        reporter, self._reporter = self._reporter, None
        if reporter is not None:
            reporter.send(event)
            reporter.close()
