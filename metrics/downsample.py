"""A number of each batch of a whole run in bounded memory: no spike and no NaN is ever averaged away."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

CAPACITY = 4096
"""Buckets; a power of two."""


@dataclass(frozen=True)
class Curve:
    """The buckets of a `Downsampled`, oldest first; a bucket without a finite value holds nan."""

    stride: int
    """Steps in a bucket."""
    low: array[float]
    high: array[float]
    mean: array[float]
    marks: tuple[int, ...]
    """Buckets with a value that was not finite."""
    spikes: tuple[int, ...]
    """Buckets with a value that was marked as a spike."""


class Downsampled:
    """Smallest, largest and mean value of equal stretches of steps.

    When all `CAPACITY` buckets are full, neighbours merge and a bucket holds twice as many steps: adding a value
    is O(1), extremes stay exact, and so does the mean of a bucket.
    """

    def __init__(self) -> None:
        self.count = 0
        """Values added."""
        self._stride = 1
        self._low = array("d")
        self._high = array("d")
        self._sum = array("d")
        self._finite = array("q")
        self._bad: set[int] = set()
        self._spikes: set[int] = set()

    def add(self, value: float) -> None:
        """Add the value of the next step."""
        bucket = self.count // self._stride
        if bucket >= len(self._low):
            bucket = self._open(bucket)
        self.count += 1
        if not math.isfinite(value):
            self._bad.add(bucket)
            return
        if value < self._low[bucket]:
            self._low[bucket] = value
        if value > self._high[bucket]:
            self._high[bucket] = value
        self._sum[bucket] += value
        self._finite[bucket] += 1

    def skip(self, steps: int = 1) -> None:
        """The next steps have no value."""
        self.count += steps
        if steps and (last := (self.count - 1) // self._stride) >= len(self._low):
            self._open(last)

    def mark_spike(self) -> None:
        """Mark the newest value; the mark never disappears."""
        self._spikes.add(len(self._low) - 1)

    def curve(self) -> Curve:
        """The buckets as they are now."""
        empty = [i for i, finite in enumerate(self._finite) if not finite]
        low, high = array("d", self._low), array("d", self._high)
        mean = array("d", (total / (n or 1) for total, n in zip(self._sum, self._finite, strict=True)))
        for i in empty:
            low[i] = high[i] = mean[i] = math.nan
        return Curve(self._stride, low, high, mean, tuple(sorted(self._bad)), tuple(sorted(self._spikes)))

    def _open(self, bucket: int) -> int:
        """Make room up to `bucket`; where it is after that, as neighbours may have merged."""
        while bucket >= CAPACITY:
            self._extend(CAPACITY)
            self._merge()
            bucket //= 2
        self._extend(bucket + 1)
        return bucket

    def _extend(self, buckets: int) -> None:
        """Empty buckets up to that number."""
        empty = buckets - len(self._low)
        self._low.extend([math.inf] * empty)
        self._high.extend([-math.inf] * empty)
        self._sum.extend([0.0] * empty)
        self._finite.extend([0] * empty)

    def _merge(self) -> None:
        """Halve the buckets."""
        self._low = array("d", map(min, self._low[::2], self._low[1::2]))
        self._high = array("d", map(max, self._high[::2], self._high[1::2]))
        self._sum = array("d", (a + b for a, b in zip(self._sum[::2], self._sum[1::2], strict=True)))
        self._finite = array("q", (a + b for a, b in zip(self._finite[::2], self._finite[1::2], strict=True)))
        self._bad = {bucket // 2 for bucket in self._bad}
        self._spikes = {bucket // 2 for bucket in self._spikes}
        self._stride *= 2
