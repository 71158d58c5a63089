"""Makes batches and epochs out of what a script does with torch: loader passes, backwards, optimizer steps.

A batch is an optimizer step, told with the loss that was given to backward, undivided. Of several optimizers the
first one to step counts; the losses of the others are named values of its batch. An epoch is a pass over a loader
that leads to a step; without a loader a training is one epoch.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any

from ...metrics.events import EpochEnded, EpochTrained, Finished, RankFailed, Warned
from ...metrics.records import UNKNOWN
from ..reporter import Reporter
from ..samples import UNCOUNTED
from ..victims import victim_of
from .losses import Accumulation, Division, division_of, step_loss
from .passes import LoaderPass, Passes
from .turns import Turns

Connect = Callable[[str], Reporter]
"""Makes the reporter of a process that trains on the device which the argument names."""

Length = Callable[[Any], int | None]
"""Batches of a pass over a loader."""

NO_STEP_SECONDS = 60.0
"""After the first loss: a training without a step of an optimizer by then is said to be one that is not seen."""
LOSSLESS_STEPS = 10
"""So many optimizer steps before the first loss are said."""
MOST_LOSSES = 4096
"""Of one step. Where there are more, nobody makes steps."""
MOST_TRACEBACK = 100_000
"""Characters."""


class Observer:
    """Sees one training process. All but `finish` is called on the training thread."""

    def __init__(self, connect: Connect, length: Length) -> None:
        """`connect` is called with the first loss: only then it is known that this process trains."""
        self.steps = 0
        """Batches that were told, those whose step the scaler skipped included."""
        self.losses: list[Any] = []
        """Those given to backward since the step before."""
        self.held: tuple[Any, float, int, float, float, float] | None = None
        """A batch that is done but not told, as another optimizer may still have a loss to add."""
        self.passes = Passes()
        self._connect = connect
        self._length = length
        self._reporter: Reporter | None = None
        self._turns = Turns()
        self._accumulation = Accumulation()
        self._values: dict[str, Any] = {}
        """Named losses of the batch that is held."""
        self._wait = math.nan
        """For data, since the batch before; unknown until a loader gives something."""
        self._samples = self._micro_batches = 0
        """Of the losses since the step before."""
        self._divisions: list[Division] = []
        self._pass: LoaderPass | None = None
        """That of the first of these losses."""
        self._cleared: list[tuple[int, Collection[int]]] = []
        """Where gradients were cleared among these losses, and of which parameters."""
        self._forward_done = self._first_loss_at = self._stepped_at = 0.0
        self._in_step = False
        self._losses_in_step = self._steps_without_loss = 0
        self.epoch = 0
        """The newest one."""
        self._epoch_open = False
        self._epoch_began = 0.0
        self._batches = self._batches_told = 0
        """Of the epoch: done, and how many it will have."""
        self._pass_length: int | None = None
        self._before: tuple[int | None, int] = None, 0
        """Length of the pass before, and the batches that it had."""
        self._skipped = 0
        """Steps of the epoch that the scaler skipped."""
        self._warned: set[str] = set()

    @property
    def trains(self) -> bool:
        """Whether this process has reported anything."""
        return self._reporter is not None

    @property
    def wants_division(self) -> bool:
        """Whether by what the next loss is divided must be known: where several batches make one step."""
        return bool(self.losses) or self._accumulation.several

    # ---- data ---------------------------------------------------------------------------------------------

    def gave(self, one: LoaderPass, samples: int, wait: float) -> None:
        """A loader gave a batch of so many samples, 0 if that is not known, after `wait` seconds."""
        self.passes.gave(one, samples)
        self._wait = wait if math.isnan(self._wait) else self._wait + wait

    def exhausted(self, one: LoaderPass) -> None:
        """A loader has no more."""
        one.exhausted, one.goes_on = True, False
        self._end_used_up_epoch()

    # ---- learning -----------------------------------------------------------------------------------------

    def backward(self, loss: Any, division: Division | None = None, *, together: bool = False) -> None:
        """A loss, a tensor of one element, goes into backward, or `together` with the one before.

        `division` is its own if it has no graph.
        """
        if self._in_step:
            self._losses_in_step += 1
            if self._losses_in_step > 1:  # an optimizer that evaluates its closure again and again
                return
        reporter = self._reporter or self._began(str(loss.device))
        losses = self.losses
        if losses or self._accumulation.several:
            self._divisions.append(division or division_of(loss))
        if not losses:
            self._forward_done = monotonic()
        elif not self.steps:
            self._look_for_steps()
        losses.append(loss.item() if loss.is_cpu else reporter.keep(loss))
        if together:
            return
        one: LoaderPass | None
        current = self.passes.current
        if current is not None and current.goes_on and current.sizes:
            one, samples = current, current.sizes.popleft()
        else:
            one, samples = self.passes.used()
        if len(losses) == 1:
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

    def step_begins(self) -> None:
        """An optimizer begins a step; it may call backward through its closure."""
        self._in_step = True
        self._losses_in_step = 0

    def stepped(self, optimizer: Any, *, skipped: bool = False) -> None:
        """An optimizer made a step, or the scaler `skipped` it as a gradient is not finite."""
        self._in_step = False
        if not self.losses:
            if not self.steps:
                self._stepped_without_loss()
            return
        reporter = self._reporter
        assert reporter is not None  # it was made with the first loss
        if self._cleared:
            self._leave_out_cleared(optimizer)
        turns, passes = self._turns, self.passes
        turn = turns.again(optimizer) or turns.take(optimizer, fresh=self._fresh())
        alone = len(self.losses) == 1 and not self._accumulation.several
        loss = self.losses[0] if alone else self._step_loss()
        if turn.number:
            if self.held is not None:
                self._values[f"loss_{turn.number + 1}"] = loss
        else:
            if self.held is not None:
                self._tell_held()
            if self._pass is not passes.current or self._batches == self._batches_told or not self._epoch_open:
                self._enter_epoch(reporter, another=turn.another)
            self._stepped_at = now = monotonic()
            batch = (loss, _learning_rate(optimizer), max(0, self._samples), self._wait, self._forward_done, now)
            if turns.others:
                self.held = batch
            else:
                reporter.batch_was(*batch)
            self.steps += 1
            self._batches += 1
            self._wait *= 0.0  # what is unknown stays so
            passes.fresh = False
            passes.recent.clear()
            if skipped:
                self._skip()
        self.losses.clear()
        self._samples = self._micro_batches = 0
        if passes.current is not None and passes.current.exhausted:
            self._end_used_up_epoch()

    def batch_ends(self) -> None:
        """The next batch begins."""
        self._tell_held()

    # ---- the end ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The process ends by itself."""
        self._tell_held()
        if self._epoch_open:
            self._end_epoch()
        if self._reporter is not None:
            if not self.steps and not self._steps_without_loss:
                self._warn_once("no_steps")
            self._last_word(Finished(self._reporter.rank, "finished"))

    def fail(self, error: BaseException) -> None:
        """The process ends by an exception that nobody caught."""
        self._tell_held()
        if self._reporter is not None:
            message, trace = (
                str(error)[:MOST_TRACEBACK],
                "".join(traceback.format_exception(error))[-MOST_TRACEBACK:],
            )
            victim = victim_of(error, message)
            self._last_word(
                RankFailed(self._reporter.rank, type(error).__name__, message, trace, monotonic(), victim=victim)
            )

    def break_off(self) -> None:
        """What comes from here on is not seen: the epoch that is open will not be told to be completed."""
        self._epoch_open = False
        self.held = None

    def hand_over(self) -> None:
        """The training tells of itself from here on: tell what is left, and nothing more."""
        self._tell_held()
        self._end_epoch()
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
        return self.passes.fresh if self._pass is not None or self.passes.current is not None else None

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

    def _tell_held(self) -> None:
        if self.held is None or self._reporter is None:
            return
        batch, self.held = self.held, None
        if self._values:
            self._reporter.values(self._values)
            self._values = {}
        self._reporter.batch_was(*batch)

    def _skip(self) -> None:
        self._skipped += 1
        self._warn_once("step_skipped", epoch=self.epoch, batch=self._batches - 1)

    def _warn_once(self, kind: str, **fields: str | int | float) -> None:
        """By rank 0, whose script the others run too."""
        if kind not in self._warned and self._reporter is not None and self._reporter.rank == 0:
            self.warn(kind, **fields)
        self._warned.add(kind)

    # ---- an epoch -----------------------------------------------------------------------------------------

    def _enter_epoch(self, reporter: Reporter, *, another: bool) -> None:
        """Begin the next epoch if this step belongs to another pass than the one before."""
        current, one = self.passes.current, self._pass
        if self._epoch_open:
            if self._stays(another=another):
                self._told_enough(reporter)
                return
            if not another and current is not None and one is not None and _is_same_again(current, one):
                self.passes.current = one
                self._correct(reporter, UNKNOWN)
                return
        self._end_epoch(max(self._stepped_at, one.began_at) if one is not None else None)
        self.epoch += 1
        self.passes.current = one
        self.passes.loaderless = one is None
        self._epoch_open = True
        self._epoch_began = one.began_at if one is not None else self._stepped_at or self._first_loss_at
        self._batches, self._batches_told = 0, self._expected(one)
        if another and self.epoch > 1:
            self.warn("another_training", epoch=self.epoch)
        reporter.begin_epoch(self.epoch, self._batches_told, at=self._epoch_began)

    def _stays(self, *, another: bool) -> bool:
        """Whether a step is of the epoch that is open."""
        current, one = self.passes.current, self._pass
        if one is not None and one is current:
            return True
        return not another and (one is None or (current is not None and current.goes_on))

    def _expected(self, one: LoaderPass | None) -> int:
        """How many batches the epoch will have: as many as a pass of that length had, else as its length says."""
        length = self._pass_length = self._length(one.loader) if one is not None else None
        if length is None:
            return UNKNOWN
        if length == self._before[0]:
            return self._before[1]
        return math.ceil(length / max(1, min(len(self.losses), self._micro_batches)))

    def _told_enough(self, reporter: Reporter) -> None:
        """Take back how many batches there will be when there are more."""
        if self._batches == self._batches_told > 0:
            self._correct(reporter, UNKNOWN)

    def _correct(self, reporter: Reporter, batches: int) -> None:
        if self._batches_told != batches:
            self._batches_told = batches
            reporter.send(EpochTrained(reporter.rank, self.epoch, batches, 0))

    def _end_used_up_epoch(self) -> None:
        """End the epoch if its pass has nothing more to give, and what it gave is learnt from."""
        current = self.passes.current
        if self._epoch_open and current is not None and current.exhausted and not current.sizes and not self.losses:
            self._end_epoch()

    def _end_epoch(self, at: float | None = None) -> None:
        """The epoch ends now, or has ended `at` the time at which the next pass began."""
        if not self._epoch_open or self._reporter is None:
            return
        self._tell_held()
        self._epoch_open = False
        current = self.passes.current
        if current is not None and current.exhausted:
            self._before = self._pass_length, self._batches
            self.passes.current = None  # steps that still come are of no pass
        if self._skipped:
            if self._reporter.rank == 0:
                self.warn("steps_skipped", epoch=self.epoch, count=self._skipped)
            self._skipped = 0
        trained, seconds = self._stepped_at - self._epoch_began, (at or monotonic()) - self._epoch_began
        self._reporter.send(EpochEnded(self._reporter.rank, self.epoch, "completed", trained, seconds))

    def _last_word(self, event: Finished | RankFailed) -> None:
        reporter, self._reporter = self._reporter, None
        if reporter is not None:
            reporter.send(event)
            reporter.close()


def _is_same_again(before: LoaderPass, one: LoaderPass) -> bool:
    """Whether a script takes only the first batch of each pass over a loader, as ``next(iter(loader))`` does."""
    return before.given == 1 and not before.exhausted and before.loader is not None and before.loader is one.loader


def _learning_rate(optimizer: Any) -> float:
    """Of the first group of parameters; nan if it has none, or one that only the GPU knows."""
    groups = optimizer.param_groups
    rate = groups[0].get("lr") if groups else None
    if isinstance(rate, float):
        return rate
    if rate is None or getattr(rate, "is_cpu", True) is False:
        return math.nan
    return float(rate)
