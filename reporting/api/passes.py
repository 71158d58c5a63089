"""A pass over a loader in somebody's own loop, timed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from threading import get_ident
from time import monotonic
from typing import Any, Generic, TypeVar

from ..lengths import length_of
from ..samples import UNCOUNTED, counter_of

Item = TypeVar("Item")


class Pass(Generic[Item]):
    """What `Run.batches` gives: iterate over it once, as over the loader; it is as long as that one."""

    def __init__(self, loader: Iterable[Item], gave: Callable[[Pass[Any]], None], ends: Callable[[], bool]) -> None:
        """`gave` is called with each item, `ends` before it: whether none is wanted any more."""
        self.given = 0
        """Items so far."""
        self.began_at = 0.0
        self._wait = 0.0
        self._samples = 0
        self._loader = loader
        self._gave = gave
        self._ends = ends
        self._exhausted = False
        self._thread = 0
        """The one that iterates."""

    def __len__(self) -> int:
        """Items of the whole pass; raises what the loader raises if it does not know."""
        return len(self._loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Item]:
        self.began_at, self._thread = monotonic(), get_ident()
        counter = counter_of(self._loader)
        iterator = iter(self._loader)
        while not self._ends():
            before = monotonic()
            try:
                item = next(iterator)
            except StopIteration:
                self._exhausted = True
                return
            self._wait += monotonic() - before
            self.given += 1
            self._samples += counter.count(item) or UNCOUNTED
            self._gave(self)
            yield item

    def take(self) -> tuple[float, int]:
        """Seconds inside the loader since they were last taken, and the samples given.

        nan if another thread waits for the loader than the one that asks; 0 samples if they cannot be counted.
        """
        wait = self._wait if self._thread == get_ident() else math.nan
        samples = max(0, self._samples)
        self._wait, self._samples = 0.0, 0
        return wait, samples

    @property
    def complete(self) -> bool:
        """Whether it gave all that the loader has."""
        return self._exhausted or self.given == self.length

    @property
    def length(self) -> int | None:
        """Items of the whole pass, None if nobody knows."""
        return length_of(self._loader)
