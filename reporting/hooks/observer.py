"""Makes batches and epochs out of what a script does with torch: loader passes, backwards, optimizer steps.

A batch is an optimizer step, told with the loss that was given to backward, undivided. Of several optimizers the
first one to step counts; the losses of the others are named values of its batch. An epoch is a pass over a loader
that leads to a step; without a loader a training is one epoch.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Collection
from threading import get_ident
from time import monotonic
from typing import Any

from ...metrics.events import Finished, RankFailed, Warned
from ...metrics.records import UNKNOWN
from ..last_word import last_word
from ..late_numbers import is_elsewhere
from ..reporter import Reporter
from ..samples import UNCOUNTED
from .epochs import Epochs, Length
from .losses import Accumulation, Division, division_of, step_loss
from .passes import LoaderPass, Passes
from .turns import Turns, nobody

Connect = Callable[[str], Reporter]
"""Makes the reporter of a process that trains on the device which the argument names."""

NO_STEP_SECONDS = 60.0
"""After the first loss: a training without a step of an optimizer by then is said to be one that is not seen."""
LOSSLESS_STEPS = 10
"""So many optimizer steps before the first loss are said."""
FIRST_IN_STEP = 2
MOST_LOSSES = 4096
"""Of one step. Where there are more, nobody makes steps."""


class Observer:
    """Sees one training process. All but `finish` is called on the training thread."""

    def __init__(self, connect: Connect, length: Length) -> None:
        """`connect` is called with the first loss: only then it is known that this process trains."""
        self._steps = 0
        self.losses: list[Any] = []
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
        self._accumulation = Accumulation()
        self._values: dict[str, Any] = {}
        """Named losses of the batch that is held."""
        self._samples = self._micro_batches = 0
        """Of the losses since the step before."""
        self._divisions: list[Division] = []
        self._pass: LoaderPass | None = None
        """That of the first of these losses."""
        self._cleared: list[tuple[int, Collection[int]]] = []
        """Where gradients were cleared among these losses, and of which parameters."""
        self._forward_done = self._first_loss_at = self._stepped_at = 0.0
        self._steps_without_loss = 0
        self._warned: set[str] = set()
        self._named: set[int] = set()
        """Turns of which it was said whose they are."""

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
        return bool(self.losses) or self._accumulation.several

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
            self._forward_done = monotonic()
            self._samples = usual.sizes.popleft() or UNCOUNTED
            self._micro_batches = 1
            losses.append(value if value is not None else self._reporter.keep(loss))  # type: ignore[union-attr]
            return
        reporter = self._reporter or self._began(str(loss.device))
        if losses or self._accumulation.several:
            self._divisions.append(division or division_of(loss))
        if not losses:
            self._samples = self._micro_batches = 0
            self._forward_done = monotonic()
        elif not self.steps:
            self._look_for_steps()
        losses.append(value if value is not None else reporter.keep(loss))
        if not together:
            self._use_batch(first=len(losses) == 1)

    def _use_batch(self, *, first: bool) -> None:
        """A loss was that of a batch, maybe the one before: find out which, and of which pass."""
        one, samples = self.passes.used()
        if first:
            self._pass = one
        if samples >= 0:
            self._samples += samples or UNCOUNTED
            self._micro_batches += 1
        elif self._pass is None:
            self._micro_batches += 1

    def take_back(self, losses: int) -> None:
        """Backward raised, so only so many losses count; a script may go on with the next batch."""
        del self.losses[losses:], self._divisions[losses:]
        self._micro_batches = min(self._micro_batches, losses)

    def cleared(self, parameters: Collection[int]) -> None:
        """The gradients of these parameters (their identities) were cleared while there were losses."""
        self._cleared.append((len(self.losses), parameters))

    def stepped(self, optimizer: Any, *, skipped: bool = False) -> None:
        """An optimizer made a step, or the scaler `skipped` it as a gradient is not finite."""
        self.in_step = 0
        if not self.losses:
            if not self.steps:
                self._stepped_without_loss()
            return
        usual, losses, reporter = self.usual, self.losses, self._reporter
        assert reporter is not None  # it was made with the first loss
        if (
            usual is not None
            and len(losses) == 1
            and len(usual.sizes) == usual.ahead
            and self._usual_steps != self._usual_until
            and self._driving() is optimizer
            and not (self._cleared or skipped)
        ):
            rate = optimizer.param_groups[0]["lr"]
            if type(rate) is not float:
                rate = _learning_rate(optimizer, reporter)
            wait, usual.waited = usual.waited, 0.0
            usual.given_before = usual.given
            self._usual_steps += 1
            self._stepped_at = now = monotonic()
            samples = self._samples
            reporter.batch_was(losses.pop(), rate, samples if samples > 0 else 0, wait, self._forward_done, now)
        else:
            self._stepped_unusually(reporter, optimizer, skipped=skipped)

    def _stepped_unusually(self, reporter: Reporter, optimizer: Any, *, skipped: bool) -> None:
        """What `stepped` does where it does not go as in the step before: the whole of it."""
        self._count_usual_steps()
        if self._cleared:
            self._leave_out_cleared(optimizer)
        turns, passes = self._turns, self.passes
        turn = turns.again(optimizer) or turns.take(optimizer, fresh=self._fresh())
        alone = len(self.losses) == 1 and not self._accumulation.several
        loss = self.losses[0] if alone else self._step_loss()
        self.usual = None
        if turn.number:
            if turn.number not in self._named:
                self._tell_whose(turn.number, optimizer)
            if self.held is not None:
                self._values[f"loss_{turn.number + 1}"] = loss
                if turn.number not in self._named:
                    self._tell_whose(turn.number, optimizer)
        else:
            self._count_batch(reporter, optimizer, loss, skipped=skipped, another=turn.another)
            one = passes.current
            usual = one is not None and one is self._pass and one.in_thread == get_ident()
            if usual and not (turns.others or skipped or self._accumulation.several):
                self.usual, self._driving = one, weakref.ref(optimizer)
                self._usual_until = self._epochs.told - self._epochs.batches
        self.losses.clear()
        self._end_used_up()

    def _count_batch(self, reporter: Reporter, optimizer: Any, loss: Any, *, skipped: bool, another: bool) -> None:
        """A batch is done: tell it, or hold it until all of its optimizers have made their step."""
        epochs, one = self._epochs, self._pass
        self.tell_held()
        stays = epochs.belongs(reporter, one, another=another)
        left_out = []
        if one is not None and (not stays or one is self.passes.current):
            left_out = one.leave_out(None if stays else self._micro_batches)
            if one.skips and any(each * self._micro_batches != self._samples for each in (*left_out, *one.sizes)):
                self._samples = UNCOUNTED  # nobody knows which of them were used
        if not stays:
            self._enter_epoch(reporter, another=another, complete=not left_out)
        elif left_out:
            epochs.skipped_some(reporter)
        samples = max(0, self._samples)
        epochs.stepped_at = now = monotonic()
        self._steps += 1
        wait = self.passes.stepped(one)
        batch = (loss, _learning_rate(optimizer, reporter), samples, wait, self._forward_done, now)
        if self._turns.others:
            self.held = batch
        else:
            reporter.batch_was(*batch)
        epochs.batches += 1
        if skipped:
            epochs.skipped += 1
            self._warn_once("step_skipped", epoch=epochs.number, batch=epochs.batches - 1)

    # ---- the end ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The process ends by itself."""
        self.tell_held()
        self._epochs.end_with_process(self._reporter)
        if self._reporter is not None:
            if not self.steps and not self._steps_without_loss:
                self._warn_once("no_steps")
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

    def _stepped_without_loss(self) -> None:
        """Say it if there are steps but no losses."""
        self._steps_without_loss += 1
        if self._steps_without_loss == LOSSLESS_STEPS:
            if self._reporter is None:
                self._began("")
            self._warn_once("no_losses")

    def _look_for_steps(self) -> None:
        """Say it if there are losses but no steps; do not gather losses for ever."""
        if len(self.losses) >= MOST_LOSSES:
            self.losses.clear()
            self._divisions.clear()
            self._cleared.clear()
        if monotonic() - self._first_loss_at > NO_STEP_SECONDS:
            self._warn_once("no_steps")

    def _fresh(self) -> bool | None:
        """Whether the loader gave a batch for which no step counted; None without a loader."""
        current = self.passes.current
        if self._pass is None and current is None:
            return None
        return self.passes.fresh or (current is not None and current.given != current.given_before)

    def _leave_out_cleared(self, optimizer: Any) -> None:
        """Leave out the losses whose gradients were cleared before this optimizer made its step."""
        own = {id(one) for group in optimizer.param_groups for one in group["params"]}
        cuts = [place for place, parameters in self._cleared if not own.isdisjoint(parameters)]
        self._cleared = []
        newest = max((place for place in cuts if place < len(self.losses)), default=0)
        del self.losses[:newest], self._divisions[:newest]

    def _step_loss(self) -> Any:
        """Of the losses since the step before; without a loader each is taken for that of a batch."""
        micro_batches = max(1, min(len(self.losses), self._micro_batches))
        if micro_batches == 1 and not self._accumulation.several:
            self._divisions.clear()
            return step_loss(self.losses, 1.0)
        factor = self._accumulation.factor(micro_batches, self._divisions)
        self._divisions.clear()
        if factor < 1.0:  # the mean of losses of which no division is known
            self._warn_once("loss_as_given", batches=micro_batches)
        return step_loss(self.losses, factor)

    def tell_held(self) -> None:
        """Tell the batch that is held, if one is: the next one begins, or there is none."""
        if self.held is None or self._reporter is None:
            return
        batch, self.held = self.held, None
        if self._values:
            self._reporter.values(self._values)
            self._values = {}
        self._reporter.batch_was(*batch)

    def _warn_once(self, kind: str, **fields: str | int | float) -> None:
        """By rank 0, whose script the others run too."""
        if kind not in self._warned and self._reporter is not None and self._reporter.rank == 0:
            self.warn(kind, **fields)
        self._warned.add(kind)

    def _tell_whose(self, number: int, optimizer: Any) -> None:
        """Say once which optimizer has this turn, as the name of its loss does not tell."""
        self._named.add(number)
        if self._reporter is not None and self._reporter.rank == 0:
            fields: dict[str, str | int | float] = {
                "name": f"loss_{number + 1}",
                "number": number + 1,
                "optimizer": type(optimizer).__name__,
                "tensors": sum(len(group["params"]) for group in optimizer.param_groups),
            }
            self._reporter.send(Warned(0, "loss_of", fields, level="info"))

    # ---- an epoch ------------------------------------------------------------------------------------------

    def _enter_epoch(self, reporter: Reporter, *, another: bool, complete: bool) -> None:
        """Begin the next epoch with a step of another pass; `complete` unless the script left out some of it."""
        epochs, one = self._epochs, self._pass
        self._end_epoch(max(epochs.stepped_at, one.began_at) if one is not None else None)
        if another and epochs.number:
            self.warn("another_training", epoch=epochs.number + 1)
        began = one.began_at if one is not None else epochs.stepped_at or self._first_loss_at
        micro_batches = max(1, min(len(self.losses), self._micro_batches))
        epochs.enter(reporter, one, began, micro_batches if complete else 0)

    def _count_usual_steps(self) -> None:
        if self._usual_steps:
            self._epochs.batches += self._usual_steps
            self._epochs.stepped_at = self._stepped_at
            self._steps += self._usual_steps
            self._usual_steps = 0

    def _end_epoch(self, at: float | None = None) -> None:
        self.tell_held()
        self._count_usual_steps()
        self._epochs.end(self._reporter, at)

    def _end_used_up(self) -> None:
        """End the epoch if its pass has nothing more to give, and what it gave is learnt from."""
        if self._epochs.is_used_up:
            self._end_epoch()

    def _last_word(self, event: Finished | RankFailed) -> None:
        reporter, self._reporter = self._reporter, None
        if reporter is not None:
            reporter.send(event)
            reporter.close()


def _learning_rate(optimizer: Any, reporter: Reporter) -> Any:
    """Of the first group of parameters; nan if it has none, and read later if it is on a GPU."""
    groups = optimizer.param_groups
    rate = groups[0].get("lr") if groups else None
    if isinstance(rate, float):
        return rate
    if rate is None:
        return math.nan
    if is_elsewhere(rate):
        return reporter.keep(rate) if rate.numel() == 1 else math.nan
    return float(rate.item() if hasattr(rate, "item") else rate)  # a tensor with a graph warns as a float
