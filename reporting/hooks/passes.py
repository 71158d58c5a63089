"""Passes over data loaders: how far each is, what its batches hold, and which one the training uses."""

from __future__ import annotations

import math
import weakref
from collections import deque
from threading import get_ident
from time import monotonic
from typing import Any

from ..samples import SampleCounter, counter_of

MOST_AHEAD = 100_000
"""How many batch sizes are kept of batches that have not had their backward yet."""


class LoaderPass:
    """One iteration over a loader."""

    __slots__ = (
        "_loader",
        "ahead",
        "began_at",
        "counter",
        "exhausted",
        "given",
        "given_before",
        "goes_on",
        "in_thread",
        "sizes",
        "skips",
        "stacked",
        "trains",
        "waited",
    )

    def __init__(self, loader: Any, counter: SampleCounter, *, trains: bool) -> None:
        """The loader is not kept alive. `counter` counts the samples of its batches."""
        self.counter = counter
        self.stacked = counter.stacked
        self.trains = trains
        """Whether its batches may be ones of training: gradients were on when it began."""
        self.began_at = monotonic()
        self.goes_on = True
        """Whether it may give more: its iterator lives, is not exhausted and not set back for another pass."""
        self.exhausted = False
        self.given = 0
        """Batches given so far."""
        self.given_before = 0
        """By the step before."""
        self.waited = 0.0
        """Seconds for its batches since the step before; nan where the thread that trains does not wait itself."""
        self.in_thread = get_ident()
        """The thread that takes its batches."""
        self.sizes: deque[int] = deque(maxlen=MOST_AHEAD)
        """Samples of those that have not had their backward yet, the oldest first."""
        self.ahead = 0
        """So many batches it is ahead of the training, behind each step."""
        self.skips = False
        """The script leaves out some of its batches."""
        self._loader = weakref.ref(loader)

    def leave_out(self, micro_batches: int | None = None) -> list[int]:
        """Forget the batches that the script skipped by a step: their samples.

        A script that reads ahead does so by the same number of batches at each step. The first one, of so many
        `micro_batches`, shows that number. Where another thread reads ahead, nobody knows.
        """
        if self.in_thread != get_ident() or self.exhausted:
            return []
        if micro_batches is not None:
            self.ahead = min(len(self.sizes), micro_batches)
        left_out = [self.sizes.popleft() for _ in range(len(self.sizes) - self.ahead)]
        self.skips = self.skips or bool(left_out)
        return left_out

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


def begin_pass(loader: Any, iterator: Any, *, trains: bool) -> None:
    """A pass by this iterator, which knows it from now on; one of workers that stay is the same each time.

    The iterator keeps its loader, so that the length can be asked for once the pass turns out to be an epoch. A
    loader that keeps its iterator is not kept, as the two would hold each other.
    """
    held = getattr(loader, "_iterator", None) is iterator
    iterator._everybatch_pass = Life(
        LoaderPass(loader, counter_of(loader), trains=trains), None if held else loader
    )


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

    def gave(self, one: LoaderPass) -> None:
        """A pass gave a batch."""
        recent = self.recent[-1:]  # another thread may be at it
        if not recent or recent[0] is not one:
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

    def are_fresh(self, one: LoaderPass | None) -> bool | None:
        """Whether the loader gave a batch for which no step counted; None without a loader.

        `one` is the pass of the step that is made.
        """
        current = self.current
        if one is None and current is None:
            return None
        return self.fresh or (current is not None and current.given != current.given_before)

    def stepped(self, one: LoaderPass | None) -> float:
        """A step counted the batches of this pass: what it waited for them, nan if that is not known.

        With them count those of passes that gave as many batches meanwhile; an evaluation in between did not.
        """
        self.fresh = False
        recent, self.recent = self.recent, [] if one is None else [one]
        if one is None:
            return math.nan
        if one.in_thread != get_ident():
            one.waited = math.nan
        waited, one.waited = one.waited, 0.0
        given = one.given - one.given_before
        for other in {id(each): each for each in recent if each is not one}.values():
            if other.trains and other.given - other.given_before == given:
                waited += other.waited
            other.waited, other.given_before = 0.0, other.given
        one.given_before = one.given
        return waited

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
