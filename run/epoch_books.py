"""The epochs of an attempt: the sums of those that are open, and what is known of those that have ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

from ..metrics.best import Judge
from ..metrics.eta import Eta
from ..metrics.merge import EpochTotals
from ..metrics.records import UNKNOWN, EpochSummary, RunStarted


class EpochBooks:
    """Knows which epochs are open, how many are done, and the best of them."""

    def __init__(self, run: RunStarted, world_size: int, how: Sequence[str]) -> None:
        """`how` tells of each named value how it is merged; it may grow."""
        self.open: dict[int, EpochTotals] = {}
        """Not summed up yet, by number."""
        self.world_size = world_size
        self.newest_ended = 0
        """Complete, or left."""
        self.done = 0
        """Complete."""
        self.best: EpochSummary | None = None
        self.judge = Judge(run)
        self.eta = Eta(run.epochs, run.steps)
        self._attempt = run.attempt
        self._how = how

    def get(self, number: int, batches: int = UNKNOWN) -> EpochTotals:
        """The sums of an epoch, which begin with it; a rank may have left out to tell that it did."""
        epoch = self.open.get(number)
        if epoch is None:
            epoch = EpochTotals(number, batches, self._attempt, self.world_size, self._how)
            self.open[number] = epoch
        return epoch

    def resize(self, world_size: int) -> None:
        """There are so many ranks from here on, in the epochs that are open too."""
        self.world_size = world_size
        for epoch in self.open.values():
            epoch.world_size = world_size

    def left(self, before: float = math.inf) -> Iterator[EpochTotals]:
        """Those that all ranks have left."""
        for epoch in list(self.open.values()):
            if epoch.epoch < before and epoch.is_left:
                yield epoch

    def rest(self) -> Iterator[EpochTotals]:
        """Those in which a batch is done, when nothing more comes; the others are forgotten."""
        epochs, self.open = self.open, {}
        for epoch in epochs.values():
            if epoch.done:
                self.open[epoch.epoch] = epoch
                yield epoch

    def end(self, epoch: EpochTotals, status: str, seconds_left: Callable[[int], float]) -> EpochSummary:
        """Sum up an epoch; `seconds_left` gives the time that is left behind it."""
        del self.open[epoch.epoch]
        self.newest_ended = epoch.epoch
        if status == "completed":
            self.eta.epoch_done(epoch.seconds, epoch.done, epoch.batches)
        hours = seconds_left(epoch.epoch) / 3600
        summary = epoch.summary(eta_hours=hours, finished_at=time.time(), status=status)
        if status == "completed":
            self._take(summary)
        return summary

    def add_earlier(self, summary: EpochSummary) -> None:
        """Take an epoch that an earlier attempt completed."""
        self.eta.epoch_done(summary.epoch_seconds, summary.batches, summary.batches)
        self.newest_ended = summary.epoch
        self._take(summary)

    def _take(self, summary: EpochSummary) -> None:
        self.done += 1
        self.best = summary if self.judge.better(summary, self.best) else self.best
