"""Watches for losses that are not numbers any more."""

from __future__ import annotations

import math


class NonfiniteWatch:
    """Tells the first bad batch of a burst, so that a thousand NaN in a row make one line, not a thousand."""

    def __init__(self) -> None:
        self._in_burst = False

    def first_of_burst(self, loss: float) -> bool:
        """True for the first loss that is nan or inf after a finite one."""
        bad = not math.isfinite(loss)
        first = bad and not self._in_burst
        self._in_burst = bad
        return first
