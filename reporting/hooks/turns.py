"""Which optimizer's step is a batch, where a training has several."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

OTHER_STEPS = 50
"""Steps of other optimizers without one of the first, after which one of them drives the training."""
ALONE = 20
"""Batches of one optimizer alone, without a loader: the next optimizer that comes is that of another training."""


class Turn(NamedTuple):
    """What the step of an optimizer is."""

    number: int
    """0 for one that counts as a batch; else it belongs to the batch before: 1 for the first other optimizer, 2 for
    the second, and so on."""
    another: bool
    """Its optimizer was never seen before and drives from now on: another training may have begun."""


SAME = Turn(0, another=False)


class Turns:
    """The optimizers of a training that step after a loss of their own, in the order of their first step.

    The first one to step after a new batch of the loader counts it, and so does each further step of the same one.
    Those of the others belong to it.
    """

    def __init__(self) -> None:
        self.others = True
        """Whether the step of another optimizer may follow for the same batch: after the first batch of a training,
        and after all once it did."""
        self._driving: Any = nobody
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._other_steps = 0
        self._batches = 0
        """Of the driving optimizer."""

    def again(self, optimizer: Any) -> Turn | None:
        """The turn of the optimizer that made the step before, where no other one does; None for all others."""
        return SAME if not self.others and self._driving() is optimizer else None

    def take(self, optimizer: Any, *, fresh: bool | None) -> Turn:
        """An optimizer makes a step.

        `fresh` tells whether the loader gave a batch for which none counted; None without a loader.
        """
        if self._driving() is optimizer:
            self._batches += 1
            if self._other_steps:
                self._other_steps = 0
            elif self._batches == 2 and not self._numbers:
                self.others = False
            return SAME
        if self._belongs(optimizer, fresh):
            self._other_steps += 1
            self.others = True
            number = self._numbers.setdefault(optimizer, len(self._numbers) + 1)
            self._seen.add(optimizer)
            return Turn(number, another=False)
        another = optimizer not in self._seen
        if another:
            self._numbers.clear()
            self._seen.add(optimizer)
            self.others = True
        self._driving = weakref.ref(optimizer)
        self._other_steps = 0
        self._batches = 1
        return Turn(0, another=another)

    def _belongs(self, optimizer: Any, fresh: bool | None) -> bool:
        """Whether the step belongs to the batch that the driving optimizer counted."""
        if self._driving() is None or fresh or self._other_steps >= OTHER_STEPS:
            return False
        after_another = (
            fresh is None and optimizer not in self._seen and not self._numbers and self._batches >= ALONE
        )
        return not after_another


def nobody() -> None:
    """Stands for a weak reference to nothing."""
