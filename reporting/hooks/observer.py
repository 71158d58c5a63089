"""Makes batches and epochs out of what a script does with torch: loader passes, backwards, optimizer steps.

A batch is an optimizer step, told with the loss that was given to backward, undivided. An epoch is a pass over a
loader that leads to a step; without a loader the whole training is one epoch.
"""

from __future__ import annotations

import math
import os
import traceback
import weakref
from collections.abc import Callable
from time import monotonic
from typing import Any

from ...metrics.events import EpochEnded, Finished, RankFailed, Warned
from ...metrics.records import UNKNOWN
from ..reporter import Reporter
from ..victims import victim_of
from .losses import divisor_of, step_loss
from .passes import LoaderPass

OTHER_STEPS = 50
"""Steps of another optimizer without one of the first, after which that one drives the training."""

Connect = Callable[[str], Reporter]
"""Makes the reporter of a process that trains on the device which the argument names."""

MOST_TRACEBACK = 100_000
"""Characters."""


class Observer:
    """Sees one training process. All but `finish` is called on the training thread."""

    def __init__(self, connect: Connect) -> None:
        """`connect` is called with the first loss: only then it is known that this process trains."""
        self.steps = 0
        """Optimizer steps that were told, those that the scaler skipped included."""
        self._connect = connect
        self._reporter: Reporter | None = None
        self._process = os.getpid()
        self._passes: list[LoaderPass] = []
        """Those that gave a batch since the step before, the newest last."""
        self._wait = 0.0
        self._losses: list[Any] = []
        self._samples = 0
        self._divisor: float | None = None
        """By what the first loss of a step was divided."""
        self._in_step = False
        self._losses_in_step = 0
        self._optimizer: Callable[[], Any] = lambda: None
        self._other_steps = 0
        self._epoch = 0
        self._epoch_pass: LoaderPass | None = None
        self._epoch_open = False
        self._epoch_began = self._stepped_at = self._first_loss_at = 0.0

    @property
    def active(self) -> bool:
        """False in a process that was forked from the training, such as a loader's worker."""
        return os.getpid() == self._process

    # ---- data ---------------------------------------------------------------------------------------------

    def pass_began(self, length: int | None, *, trains: bool) -> LoaderPass:
        """A script iterates over a loader."""
        if self._epoch_open and self._epoch_pass is not None and self._epoch_pass.exhausted:
            self._end_epoch("completed")
        return LoaderPass(length, trains=trains)

    def gave(self, loader_pass: LoaderPass, samples: int | None, wait: float) -> None:
        """A loader gave a batch of so many samples after `wait` seconds."""
        loader_pass.gave(samples)
        self._wait += wait
        if not self._passes or self._passes[-1] is not loader_pass:
            self._passes.append(loader_pass)

    # ---- learning -----------------------------------------------------------------------------------------

    def backward(self, loss: Any) -> None:
        """A loss, a tensor of one element, goes into backward."""
        if self._in_step:
            self._losses_in_step += 1
            if self._losses_in_step > 1:  # an optimizer that evaluates its closure again and again
                return
        reporter = self._reporter or self._began(str(loss.device))
        if not self._losses:
            reporter.forward_done()
            self._divisor = divisor_of(loss)
        self._losses.append(loss.item() if loss.is_cpu else reporter.keep(loss))
        # A loader that reads ahead has given the batch before the step before, so none is new for the last one.
        training = next((one for one in reversed(self._passes) if one.trains), self._epoch_pass)
        if training is not None:
            self._samples += training.used()

    def step_begins(self) -> None:
        """An optimizer begins a step; it may call backward through its closure."""
        self._in_step = True
        self._losses_in_step = 0

    def stepped(self, optimizer: Any) -> None:
        """An optimizer made a step, or would have made one but for a gradient that is not finite."""
        self._in_step = False
        if not self._losses or not self._drives(optimizer):
            self._losses.clear()
            return
        reporter = self._reporter
        assert reporter is not None  # it was made with the first loss
        micro_batches = self._micro_batches()
        self._enter_epoch(reporter, micro_batches)
        divided = self._divisor is not None and math.isclose(self._divisor, micro_batches, rel_tol=1e-6)
        loss = step_loss(self._losses, micro_batches, divided=divided)
        reporter.waited(self._wait)
        reporter.batch(loss, _learning_rate(optimizer), self._samples)
        self.steps += 1
        self._stepped_at = monotonic()
        self._losses = []
        self._wait, self._samples = 0.0, 0
        for loader_pass in self._passes:
            loader_pass.given_before_step = loader_pass.given
        self._passes.clear()

    # ---- the end ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The process ends by itself."""
        if self._epoch_open:
            self._end_epoch("completed")
        if self._reporter is not None:
            self._last_word(Finished(self._reporter.rank, "finished"))

    def fail(self, error: BaseException) -> None:
        """The process ends by an exception that nobody caught."""
        if self._reporter is not None:
            message, trace = (
                str(error)[:MOST_TRACEBACK],
                "".join(traceback.format_exception(error))[-MOST_TRACEBACK:],
            )
            victim = victim_of(error, message)
            self._last_word(
                RankFailed(self._reporter.rank, type(error).__name__, message, trace, monotonic(), victim=victim)
            )

    def warn(self, kind: str, **fields: str | int | float) -> None:
        """Have something said in the log of the run."""
        if self._reporter is not None:
            self._reporter.send(Warned(self._reporter.rank, kind, fields))

    # ---- inside -------------------------------------------------------------------------------------------

    def _began(self, device: str) -> Reporter:
        self._first_loss_at = monotonic()
        self._reporter = self._connect(device)
        return self._reporter

    def _last_word(self, event: Finished | RankFailed) -> None:
        reporter, self._reporter = self._reporter, None
        if reporter is not None:
            reporter.send(event)
            reporter.close()

    def _drives(self, optimizer: Any) -> bool:
        """Whether the steps of this optimizer are the batches: those of the first one, while it makes steps."""
        driving = self._optimizer()
        if driving is not None and driving is not optimizer:
            self._other_steps += 1
            if self._other_steps < OTHER_STEPS:
                return False
        if driving is not optimizer:
            self._optimizer = weakref.ref(optimizer)
        self._other_steps = 0
        return True

    def _micro_batches(self) -> int:
        """How many batches of the loader went into this step; without a loader, as many as there are losses."""
        given = [one.given - one.given_before_step for one in self._passes if one.trains]
        return max(1, min(len(self._losses), given[-1])) if given else len(self._losses)

    def _enter_epoch(self, reporter: Reporter, micro_batches: int) -> None:
        """Begin the next epoch if this step belongs to another pass than the one before."""
        candidates = [one for one in self._passes if one.trains]
        if self._epoch and (not candidates or self._epoch_pass in candidates):
            return
        if self._epoch_open:
            self._end_epoch("completed")
        self._epoch += 1
        self._epoch_pass = candidates[-1] if candidates else None
        self._epoch_open = True
        self._epoch_began = self._epoch_pass.began_at if self._epoch_pass is not None else self._first_loss_at
        length = self._epoch_pass.length if self._epoch_pass is not None else None
        batches = math.ceil(length / micro_batches) if length else UNKNOWN
        reporter.begin_epoch(self._epoch, batches, at=self._epoch_began)

    def _end_epoch(self, status: str) -> None:
        self._epoch_open = False
        if self._reporter is not None:
            trained = self._stepped_at - self._epoch_began
            seconds = monotonic() - self._epoch_began
            self._reporter.send(EpochEnded(self._reporter.rank, self._epoch, status, trained, seconds))


def _learning_rate(optimizer: Any) -> float:
    """Of the first group of parameters; nan for one that only the GPU knows."""
    rate = optimizer.param_groups[0]["lr"]
    if isinstance(rate, float):
        return rate
    return math.nan if getattr(rate, "is_cuda", False) else float(rate)
