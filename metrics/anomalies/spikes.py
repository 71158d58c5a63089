"""Tells a loss that is out of line with the ones before it."""

from __future__ import annotations

import math
from collections import deque

WINDOW = 64
"""Batches that a loss is compared with."""
FEWEST = 16
LIMIT = 8.0
"""Robust standard deviations above the median; a healthy noisy loss stays under it."""
LEAST_RATIO = 1.5
"""And at least so many times the median, so that a very smooth loss does not cry wolf."""
EVERY = 8
"""Batches between two looks at the window: the median of a window moves slowly, and sorting it costs."""


class SpikeWatch:
    """Compares with median and MAD of the last `WINDOW` losses (Iglewicz and Hoaglin, 1993: 1.4826 MAD = sigma)."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._limit = math.inf
        self._median = math.nan
        self._age = 0

    @property
    def median(self) -> float:
        """What the newest loss was compared with."""
        return self._median

    def is_spike(self, loss: float) -> bool:
        """Whether `loss` is far above the ones before it; then it joins them."""
        if not math.isfinite(loss):
            return False
        spike = loss > self._limit
        self._recent.append(loss)
        self._age += 1
        if self._age >= EVERY and len(self._recent) >= FEWEST:
            self._age = 0
            self._look()
        return spike

    def _look(self) -> None:
        ordered = sorted(self._recent)
        self._median = ordered[len(ordered) // 2]
        deviation = sorted(abs(loss - self._median) for loss in ordered)[len(ordered) // 2]
        self._limit = max(self._median + LIMIT * 1.4826 * deviation, LEAST_RATIO * self._median)
