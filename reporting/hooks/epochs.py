"""The epochs of an unchanged script: which one a step belongs to, and how many batches it will have."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic
from typing import Any

from ...metrics.events import EpochEnded, EpochTrained, Warned
from ...metrics.records import UNKNOWN
from ..reporter import Reporter
from .passes import LoaderPass, Passes

Length = Callable[[Any], int | None]
"""Batches of a pass over a loader."""


class Epochs:
    """An epoch is a pass over a loader that leads to a step; without a loader a training is one epoch."""

    def __init__(self, passes: Passes, length: Length) -> None:
        self.number = 0
        """Of the newest one."""
        self.is_open = False
        self.batches = 0
        """Of the epoch that are done."""
        self.told = UNKNOWN
        """How many it will have."""
        self.skipped = 0
        """Its steps that the scaler skipped."""
        self.stepped_at = 0.0
        """When the newest step was done, at the end of an epoch."""
        self._passes = passes
        self._length_of = length
        self._began = 0.0
        self._length: int | None = None
        """Of its pass."""
        self._before: tuple[int | None, int] = None, 0
        """Length of the pass before, and the batches that it had."""

    def belongs(self, reporter: Reporter, one: LoaderPass | None, *, another: bool) -> bool:
        """Whether a step with a batch of this pass is of the open epoch; `another` training may have begun."""
        current = self._passes.current
        if not self.is_open:
            return False
        if self._stays(one, another=another):
            if self.batches == self.told > 0:  # there are more
                self._correct(reporter, UNKNOWN)
            return True
        if not another and current is not None and one is not None and _is_same_again(current, one):
            one.ahead = current.ahead
            self._passes.current = one
            self._correct(reporter, UNKNOWN)
            return True
        return False

    def enter(
        self, reporter: Reporter, one: LoaderPass | None, micro_batches: int, *, another: bool, first_loss_at: float
    ) -> None:
        """The next epoch begins with a step of so many batches of this pass; 0 if it left out some before.

        The epoch before ends with that. `another` training may have begun.
        """
        self.end(reporter, max(self.stepped_at, one.began_at) if one is not None else None)
        if another and self.number:
            reporter.send(Warned(reporter.rank, "another_training", {"epoch": self.number + 1}))
        self.number += 1
        self._passes.current = one
        self._passes.loaderless = one is None
        self.is_open = True
        self._began = one.began_at if one is not None else self.stepped_at or first_loss_at
        self.batches = 0
        self.told = self._expected(one, micro_batches)
        reporter.begin_epoch(self.number, self.told, at=self._began)

    def skipped_some(self, reporter: Reporter) -> None:
        """The script left out batches of the loader, so that nobody knows how many will come."""
        if self._length != self._before[0]:
            self._correct(reporter, UNKNOWN)

    @property
    def is_used_up(self) -> bool:
        """Whether the pass of the epoch has nothing more to give, and what it gave is learnt from."""
        current = self._passes.current
        return self.is_open and current is not None and current.exhausted and not current.sizes

    def end_with_process(self, reporter: Reporter | None) -> None:
        """The process ends, and the epoch as far as it is known; else the end of the command tells how."""
        current = self._passes.current
        if self.batches < self.told:
            self.end(reporter, status="stopped")
        elif self.told != UNKNOWN or (current is not None and current.exhausted):
            self.end(reporter)

    def end(self, reporter: Reporter | None, at: float | None = None, *, status: str = "completed") -> None:
        """The epoch ends now, or has ended `at` the time at which the next pass began."""
        if not self.is_open or reporter is None:
            return
        self.is_open = False
        current = self._passes.current
        self._before = self._length, self.batches
        if current is not None and current.exhausted:
            self._passes.current = None  # steps that still come are of no pass
        if self.skipped:
            if reporter.rank == 0:
                reporter.send(Warned(0, "steps_skipped", {"epoch": self.number, "count": self.skipped}))
            self.skipped = 0
        trained, seconds = self.stepped_at - self._began, (at or monotonic()) - self._began
        reporter.send(EpochEnded(reporter.rank, self.number, status, trained, seconds))

    def _stays(self, one: LoaderPass | None, *, another: bool) -> bool:
        current = self._passes.current
        if one is not None and one is current:
            return True
        return not another and (one is None or (current is not None and current.goes_on))

    def _expected(self, one: LoaderPass | None, micro_batches: int) -> int:
        """How many batches the epoch will have: as many as a pass of that length had, else as its length says."""
        self._length = self._length_of(one.loader) if one is not None else None
        if one is None or self._length is None:
            return UNKNOWN
        if self._length == self._before[0]:
            return self._before[1]
        return math.ceil(self._length / micro_batches) if micro_batches else UNKNOWN

    def _correct(self, reporter: Reporter, batches: int) -> None:
        if self.told != batches:
            self.told = batches
            if reporter.rank == 0:
                reporter.send(EpochTrained(0, self.number, batches, 0))


def _is_same_again(before: LoaderPass, one: LoaderPass) -> bool:
    """Whether a script takes only the first batch of each pass over a loader, as ``next(iter(loader))`` does."""
    return before.given == 1 and not before.exhausted and before.loader is not None and before.loader is one.loader
