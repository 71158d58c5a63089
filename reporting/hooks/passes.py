"""Passes over data loaders: how far each is, what its batches hold, and which one the training uses."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

MOST_AHEAD = 100_000
"""How many batch sizes are kept of batches that have not had their backward yet."""


class LoaderPass:
    """One iteration over a loader."""

    __slots__ = ("_loader", "began_at", "count", "exhausted", "given", "goes_on", "sizes", "trains")

    def __init__(self, loader: Any, count: Callable[[Any], int], *, trains: bool) -> None:
        """The loader is not kept alive. `count` gives the samples of its batches."""
        self.count = count
        self.trains = trains
        """Whether its batches may be ones of training: gradients were on when it began."""
        self.began_at = monotonic()
        self.goes_on = True
        """Whether it may give more: its iterator lives, is not exhausted and not set back for another pass."""
        self.exhausted = False
        self.given = 0
        """Batches given so far."""
        self.sizes: deque[int] = deque(maxlen=MOST_AHEAD)
        """Samples of those that have not had their backward yet, the oldest first."""
        self._loader = weakref.ref(loader)

    @property
    def loader(self) -> Any:
        """The loader; None if it is gone."""
        return self._loader()


class Life:
    """What only the iterator of a pass holds, so that it ends with the iterator, or when the next pass begins."""

    __slots__ = ("loader", "one")

    def __init__(self, one: LoaderPass, loader: Any) -> None:
        self.one = one
        self.loader = loader

    def __del__(self) -> None:
        self.one.goes_on = False


def begin_pass(loader: Any, iterator: Any, count: Callable[[Any], int], *, trains: bool) -> None:
    """A pass by this iterator, which knows it from now on; one of workers that stay is the same each time.

    The iterator keeps its loader, so that the length can be asked for once the pass turns out to be an epoch. A
    loader that keeps its iterator is not kept, as the two would hold each other.
    """
    held = getattr(loader, "_iterator", None) is iterator
    iterator._everybatch_pass = Life(LoaderPass(loader, count, trains=trains), None if held else loader)


def pass_of(iterator: Any) -> LoaderPass | None:
    """The pass that this iterator makes now; None for an iterator whose beginning was not seen."""
    life: Life | None = iterator.__dict__.get("_everybatch_pass")
    return life.one if life is not None else None


class Passes:
    """All passes of a process."""

    def __init__(self) -> None:
        self.current: LoaderPass | None = None
        """The one that the epoch is."""
        self.loaderless = False
        """The epoch is none over a loader, so a pass that is over was an evaluation."""
        self.fresh = True
        """Whether the training had a batch that no step has counted for."""
        self.recent: list[LoaderPass] = []
        """Those that gave a batch since the step before, the newest last."""

    def gave(self, one: LoaderPass, samples: int) -> None:
        """A pass gave a batch."""
        one.given += 1
        one.sizes.append(samples)
        if not self.recent or self.recent[-1] is not one:
            self.recent.append(one)
        current = self.current
        if one is current or current is None or not current.goes_on:
            self.fresh = True

    def used(self) -> tuple[LoaderPass | None, int]:
        """A loss went into backward: the pass its batch is from, and the samples of that.

        -1 instead of the samples if it is the batch of the loss before. A pass that goes on comes before a newer
        one, which may be an evaluation in between; a loader that reads ahead gave the batch before the last step.
        """
        one = self.current
        if one is None or not one.sizes or not one.goes_on:
            one = self._newer() or one
        if one is None or not one.sizes:
            return one, -1
        return one, one.sizes.popleft()

    def _newer(self) -> LoaderPass | None:
        """A pass that gave a batch after the current one did: one that goes on, else one that has given all."""
        over = None
        for one in reversed(self.recent):
            if one is self.current:
                break
            if one.sizes and one.trains:
                if one.goes_on:
                    return one
                over = over or one
        return None if self.loaderless else over
