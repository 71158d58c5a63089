"""Passes over data loaders: how far each is, what its batches hold, and which one the training uses."""

from __future__ import annotations

import weakref
from collections import deque
from time import monotonic
from typing import Any

MOST_UNUSED = 3
"""A pass that gave so many batches without a backward is one of evaluation: a loader that reads ahead gives two."""
MOST_AHEAD = 64
"""How many batch sizes are kept of batches that have not had their backward yet."""


class LoaderPass:
    """One iteration over a loader."""

    __slots__ = ("_iterator", "_loader", "_trains", "_unused", "began_at", "exhausted", "given", "sizes")

    def __init__(self, loader: Any, iterator: Any, *, trains: bool) -> None:
        """`trains` is False where gradients are off. Neither loader nor iterator is kept alive."""
        self.began_at = monotonic()
        self.exhausted = False
        self.given = 0
        """Batches given so far."""
        self.sizes: deque[int] = deque(maxlen=MOST_AHEAD)
        """Samples of those that have not had their backward yet, the oldest first."""
        self._loader = weakref.ref(loader)
        self._iterator = weakref.ref(iterator)
        self._trains = trains
        self._unused = 0

    @property
    def loader(self) -> Any:
        """The loader; None if it is gone."""
        return self._loader()

    @property
    def trains(self) -> bool:
        """Whether its batches may be ones of training."""
        return self._trains and self._unused < MOST_UNUSED

    @property
    def goes_on(self) -> bool:
        """Whether it may give more: its iterator lives, and has not been set back for another pass."""
        iterator = self._iterator()
        return iterator is not None and not self.exhausted and pass_of(iterator) is self

    def gave(self, samples: int) -> None:
        """It gave a batch of so many samples, 0 if that is not known."""
        self.given += 1
        self._unused += 1
        self.sizes.append(samples)

    def used(self) -> int:
        """The oldest of its batches had its backward: the samples of that batch."""
        self._unused = 0
        return self.sizes.popleft()


def begin_pass(loader: Any, iterator: Any, *, trains: bool) -> LoaderPass:
    """A pass by this iterator, which knows it from now on; one of workers that stay is the same each time.

    The iterator keeps its loader, so that the length can be asked for once the pass turns out to be an epoch. A
    loader that keeps its iterator is not kept, as the two would hold each other.
    """
    if not loader.persistent_workers:
        iterator._everybatch_loader = loader
    iterator._everybatch_pass = LoaderPass(loader, iterator, trains=trains)
    return pass_of(iterator)  # type: ignore[return-value]


def pass_of(iterator: Any) -> LoaderPass | None:
    """The pass that this iterator makes now; None for an iterator whose beginning was not seen."""
    return iterator.__dict__.get("_everybatch_pass")  # type: ignore[no-any-return]


class Passes:
    """All passes of a process."""

    def __init__(self) -> None:
        self.current: LoaderPass | None = None
        """The one that the epoch is."""
        self.fresh = True
        """Whether the training had a batch that no step has counted for."""
        self._recent: list[LoaderPass] = []
        """Those that gave a batch since the step before, the newest last."""

    def gave(self, one: LoaderPass, samples: int) -> None:
        """A pass gave a batch."""
        one.gave(samples)
        if not self._recent or self._recent[-1] is not one:
            self._recent.append(one)
        current = self.current
        if one is current or current is None or not current.goes_on:
            self.fresh = True

    def used(self) -> tuple[LoaderPass | None, int | None]:
        """A loss went into backward: the pass its batch is from, and the samples of that.

        None instead of the samples if it is the batch of the loss before. A pass that goes on comes before a newer
        one, which may be an evaluation in between; a loader that reads ahead gave the batch before the last step.
        """
        one = self.current
        if one is None or not one.sizes or not one.goes_on:
            waiting = (each for each in reversed(self._recent) if each.sizes and each.trains)
            one = next(waiting, one)
        if one is None or not one.sizes:
            return one, None
        return one, one.used()

    def stepped(self) -> None:
        """A step counted for the batches that were given."""
        self.fresh = False
        self._recent.clear()
