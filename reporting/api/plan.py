"""How many batches an epoch of somebody's own loop will have, as far as its pass over a loader shows."""

from __future__ import annotations

import math
from typing import Any

from ...metrics.records import UNKNOWN
from .passes import Pass


class Plan:
    """The plan of one epoch after another.

    A pass of the length of the one before will have as many batches. Else the same number of items must make each
    batch: one, or several whose gradients are accumulated, which the second batch shows. Where a script skips
    items, the number is unknown.
    """

    def __init__(self) -> None:
        self.batches = UNKNOWN
        """Of the epoch."""
        self._per_batch = 0
        """Items of each batch; 0 if that is not known, and negative where it does not matter."""
        self._given = self._at_first = 0
        """Items by the batch before, and by the first one."""
        self._done_before = 0
        """Batches of the epoch when this process began."""
        self._length: int | None = None
        self._before: tuple[int | None, int] = None, 0
        """Length of the pass before, and its batches."""

    def begin(self, one: Pass[Any] | None, done_before: int) -> int:
        """An epoch begins with its first batch, before which so many were done; its batches as far as is known."""
        self._length = one.length if one is not None else None
        self._done_before = done_before
        self._given = self._at_first = given = one.given if one is not None else 0
        self.batches, self._per_batch = UNKNOWN, 0
        if self._length is None or self._length == self._before[0]:
            self.batches = UNKNOWN if self._length is None else self._before[1]
            self._per_batch = -1
        elif given == 1 + done_before or given == 1:
            self.batches, self._per_batch = max(self._length, done_before + 1), 1
        return self.batches

    def batch(self, one: Pass[Any] | None, done: int) -> bool:
        """A further batch of the epoch makes `done`; whether the plan is another one now."""
        planned = self.batches
        if planned != UNKNOWN and done > planned:
            self.batches, self._per_batch = UNKNOWN, -1
        elif self._per_batch >= 0 and one is not None:
            items, self._given = one.given - self._given, one.given
            if items != self._per_batch and one.given != self._length:  # else the last batch has what is left
                self._learn(items)
        return self.batches != planned

    def end(self, done: int) -> None:
        """The epoch had so many batches."""
        self._before = self._length, done

    def _learn(self, items: int) -> None:
        """The second batch shows how many items make one; if a later one differs, nobody knows."""
        before = self._at_first - items
        first = self._per_batch == 0
        self.batches, self._per_batch = UNKNOWN, -1
        if (
            first and self._length and items and before in (0, 1, items * self._done_before)
        ):  # a script may read ahead
            self.batches, self._per_batch = math.ceil(self._length / items), items
