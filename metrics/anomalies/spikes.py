"""Tells a loss that is out of line with the ones before it, whatever its sign: one rule to watch and to analyse by.

A loss is compared with the losses just before it: how far it lies above their median, beside how far they lie from
it themselves. Only deviations count, so a loss may be negative, or go through 0.

Some losses have long tails, or are 0 for most of the time. What is ordinary for them is told by how far the losses
above the median used to lie above it: their own median and 90th percentile say how heavy the tail is.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

WINDOW = 64
"""Batches that a loss is compared with."""
FEWEST = 16
"""Of them, before anything is judged."""
LIMIT = 8.0
"""Standard deviations above the median; a healthy noisy loss stays under it."""
LEAST_RISE = 0.5
"""And at least so much of the median above it, so that a very smooth loss does not cry wolf."""
EVERY = 16
"""Batches between two looks at the window: the median of a window moves slowly, and sorting it costs."""

MEMORY = 512
"""Losses above the median that tell what is ordinary."""
FEWEST_ABOVE = 8
"""Of them, before they tell anything."""
UNKNOWN_LIMIT = 50.0
"""Standard deviations while too little is known."""
TAIL_GROWTH = 1.6
"""How a tail goes on, by how it begins: with s = log(90th percentile / median) of the deviations above the median,
one of exp(s + TAIL_GROWTH s²) such medians comes less than once in ten thousand batches. For normal noise (s = 0.9)
that is 6 standard deviations, for exponential (1.2) 23 means, for a t of 3 degrees (1.1) 18, for log-normal (1.5)
130."""
TAIL_DOUBT = 2.0
"""Few deviations tell s badly: it is taken to be larger, by so much over the root of their number."""
LEAST_GROWTH, MOST_GROWTH = 2.0, 50.0
"""A tail goes on up to so many 90th percentiles, at least and at most."""


class Spread(NamedTuple):
    """Where the losses of a window lie."""

    median: float
    deviation: float
    """The usual distance from the median as a standard deviation: 1.4826 MAD (Iglewicz and Hoaglin, 1993).

    0 when most losses are the same, as with a loss that is mostly 0.
    """
    scale: float
    """The same, but at least 1.2533 times the mean distance, which is 0 only when all are the same."""


def spread(losses: Sequence[float]) -> Spread:
    """Look at a window."""
    ordered = sorted(losses)
    middle = len(ordered) // 2
    median = ordered[middle]
    distances = [median - loss for loss in ordered[middle::-1]] + [loss - median for loss in ordered[middle + 1 :]]
    distances.sort()  # two runs that ascend already
    return spread_of(median, distances[middle], sum(distances) / len(distances))


def spread_of(median: float, median_distance: float, mean_distance: float) -> Spread:
    """The spread of losses with these distances from their median."""
    deviation = 1.4826 * median_distance
    return Spread(median, deviation, max(deviation, 1.2533 * mean_distance))


def quantile_places(count: int) -> tuple[int, int]:
    """Where the median and the 90th percentile stand among `count` sorted deviations."""
    return count // 2, int(0.9 * count)


def ordinary(half: float, most: float, count: int) -> float:
    """How far a loss may lie above the median without being a spike.

    `half` and `most` are median and 90th percentile of the `count` newest deviations above it.
    """
    growth = math.log(most / half) * (1 + TAIL_DOUBT / math.sqrt(count))
    end = half * math.exp(growth + TAIL_GROWTH * growth * growth)
    return min(max(end, LEAST_GROWTH * most), MOST_GROWTH * most)


def limit(window: Spread, relative: float | None, absolute: float | None, seen: int) -> float:
    """The largest loss that is no spike; inf while nothing can be said.

    `relative` and `absolute` are the ordinary deviations above the median, in standard deviations and as they are;
    None while too few were seen. `seen` is the number of batches so far.
    """
    median, deviation, scale = window
    least = LEAST_RISE * abs(median)
    if deviation > 0:
        if relative is None:  # a loss that falls smoothly never lies above its median
            relative = LIMIT if seen >= WINDOW else UNKNOWN_LIMIT
        above = scale * max(LIMIT, relative)
        if scale > 2 * deviation:  # nearly the case below
            above = max(above, absolute or 0.0)
        return median + max(least, above)
    if absolute is not None:  # mostly the same loss, and sometimes another
        return median + max(least, absolute, LIMIT * scale)
    constant = scale == 0 and median != 0 and seen >= WINDOW
    return median + least if constant else math.inf


class SpikeWatch:
    """Judges one loss after another."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._window = Spread(math.nan, 0.0, 0.0)
        self._limit = math.inf
        self._seen = 0
        self._above: deque[float] = deque(maxlen=MEMORY)
        self._above_relative: deque[float] = deque(maxlen=MEMORY)
        self._absolute: float | None = None
        self._relative: float | None = None

    @property
    def median(self) -> float:
        """What the newest loss was compared with."""
        return self._window.median

    def is_spike(self, loss: float) -> bool:
        """Whether `loss` is far above the ones before it; then it joins them."""
        if not math.isfinite(loss):
            return False
        spike = loss > self._limit
        above = loss - self._window.median
        if above > 0:  # not while there is no median
            self._above.append(above)
            if self._window.deviation > 0:
                self._above_relative.append(above / self._window.scale)
        self._recent.append(loss)
        self._seen += 1
        if self._seen % EVERY == 0 and self._seen >= FEWEST:
            self._look()
        return spike

    def _look(self) -> None:
        self._window = spread(self._recent)
        if looks_at_tail(self._seen):
            self._absolute = _ordinary(self._above, 2 * FEWEST_ABOVE)
            self._relative = _ordinary(self._above_relative, FEWEST_ABOVE)
        self._limit = limit(self._window, self._relative, self._absolute, self._seen)


def looks_at_tail(seen: int) -> bool:
    """Whether what is ordinary is looked at again after so many batches: it changes slowly."""
    return seen < WINDOW or seen % (2 * WINDOW) == 0 or seen == WINDOW


def _ordinary(above: Sequence[float], fewest: int) -> float | None:
    if len(above) < fewest:
        return None
    ordered = sorted(above)
    half, most = quantile_places(len(ordered))
    return ordinary(ordered[half], ordered[most], len(ordered))
