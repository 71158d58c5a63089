"""Which epoch of somebody's own loop a batch belongs to, and how far the loop is."""

from __future__ import annotations

import math
from time import monotonic
from typing import Any

from ...metrics.events import EpochEnded, EpochTrained
from ...metrics.records import UNKNOWN
from .link import Link
from .passes import Pass
from .plan import Plan


class Epochs:
    """The epochs of one run: those that the loop counts, else its passes over a loader, else a single one."""

    def __init__(self, epochs: int, steps: int) -> None:
        """How long the whole run will be; `UNKNOWN` if nobody knows."""
        self.epochs = epochs
        self.steps = steps
        self.first_epoch = 1
        """The epoch in which the run begins: a later one if it was resumed."""
        self.first_batch = 0
        """Batches of it that are done already."""
        self.epochs_before = self.steps_before = 0
        """Of the same training command, which stand before those of this run."""
        self._epoch = 0
        self._open = False
        self._told_any = False
        """A batch was told."""
        self._counted = False
        """The loop counts its epochs."""
        self._began_at = self.stepped_at = monotonic()
        self._left_at = 0.0
        """When the loop over the epochs was left, by a break or by what ends the process; 0 if it was not."""
        self._first_step = 0
        """Batches of the run that were done when the epoch began."""
        self._plan = Plan()
        self._done = 0
        """Epochs that came to their end."""
        self._pass: Pass[Any] | None = None
        """The pass that gave the newest item."""
        self._epoch_pass: Pass[Any] | None = None
        """The pass with which the epoch began."""
        self._released = False

    @property
    def plan(self) -> tuple[int, int]:
        """Epochs and steps of the whole training command; `UNKNOWN` if nobody knows."""
        epochs = self.epochs if self.epochs == UNKNOWN else self.epochs_before + self.epochs
        return epochs, self.steps if self.steps == UNKNOWN else self.steps_before + self.steps

    def enter(self, number: int) -> None:
        """The loop counts a further epoch."""
        self._counted = True
        self._epoch, self._pass, self._epoch_pass = number, None, None
        self._began_at = monotonic()

    def gave(self, one: Pass[Any]) -> None:
        """A pass gave an item: the next batch is made of it."""
        if not self._released:
            self._pass = one

    def release(self) -> None:
        """The run has ended: hold no loader of the user's any longer."""
        self._released = True
        self._pass = self._epoch_pass = None

    def batch(self, link: Link, step: int) -> tuple[float, int]:
        """The run's batch `step` is done; what it waited for data, nan if unknown, and its counted samples."""
        one = self._pass
        if self._left_at:
            self.leave(link, step - 1, cut=False)
        if not self._open or (one is not self._epoch_pass and not self._counted):
            self._begin(link, step)
        elif self._plan.batch(one, step - self._first_step):
            self._correct(link, self._plan.batches)
        self.stepped_at = monotonic()
        if one is None:
            return math.nan, 0
        return one.take()

    def _begin(self, link: Link, step: int) -> None:
        """The first batch of an epoch is done."""
        one = self._pass
        if not self._counted:
            self.leave(link, step - 1, cut=False)
            self._epoch = self._epoch + 1 if self._epoch else self.first_epoch
            self._began_at = one.began_at if one is not None else self.stepped_at
        self._open, self._epoch_pass, self._told_any = True, one, True
        first_batch = self.first_batch if self._epoch == self.first_epoch else 0
        self._first_step = step - 1 - first_batch
        planned = self._plan.begin(one, first_batch)
        link.reporter.begin_epoch(self.told, planned, first_batch=first_batch, at=self._began_at)

    def _correct(self, link: Link, batches: int) -> None:
        if link.place.rank == 0:
            link.send(EpochTrained(0, self.told, batches, UNKNOWN))

    def leave_later(self) -> None:
        """The loop over the epochs is left in one that is open: what comes next tells whether it is complete."""
        self._left_at = monotonic()

    def leave(self, link: Link | None, step: int, *, cut: bool) -> None:
        """The epoch ends behind `step`, if one is open; `cut` if there was more to do in it."""
        if not self._open:
            return
        now, self._left_at = self._left_at or monotonic(), 0.0
        self._open = False
        self._done += not cut
        if link is None:
            return
        rank, done = link.place.rank, step - self._first_step
        if not cut and self._plan.batches not in (UNKNOWN, done):
            self._correct(link, done)
        self._plan.end(done)
        trained, seconds = self.stepped_at - self._began_at, now - self._began_at
        link.send(EpochEnded(rank, self.told, "stopped" if cut else "completed", trained, seconds))

    def where(self, step: int) -> tuple[int, int]:
        """The epoch, and its batches that are done, behind `step`."""
        return self.told, step - self._first_step

    def validated(self, step: int) -> tuple[int, int]:
        """The epoch and the step, behind `step`, to which a validation belongs."""
        return self.told, self.steps_before + step

    @property
    def seconds_since(self) -> float:
        """Since the newest batch."""
        return monotonic() - self.stepped_at

    @property
    def told(self) -> int:
        """The number of the epoch, as it is told; 0 before the first."""
        return self.epochs_before + self._epoch if self._epoch else self.epochs_before

    @property
    def is_inside(self) -> bool:
        """Whether the loop is in an epoch of which nobody can tell whether it is complete."""
        return self._open and self._epoch_pass is None

    @property
    def is_cut(self) -> bool:
        """Whether the loader of the epoch has more to give."""
        return self._epoch_pass is not None and not self._epoch_pass.complete

    def is_early(self, step: int) -> bool:
        """Whether there was more to do than was done, as far as that is known."""
        if not self._told_any:
            return False
        known = self.epochs != UNKNOWN and (self._counted or self._epoch_pass is not None)
        fewer = known and self.first_epoch - 1 + self._done < self.epochs
        return fewer or (self.steps != UNKNOWN and step < self.steps)
