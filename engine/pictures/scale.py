"""Makes the numbers of pictures fit for a network, by one rule for all pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from ...errors import UsageError
from .scan import PictureFacts

BITS_OF_CAMERAS = (10, 12, 14, 16)
"""Of 16, those that cameras use: the fewest that hold all numbers of all files."""


class Scale(msgspec.Struct, frozen=True):
    """Numbers to ones from 0 to 1.

    Those of 8 bit have their range by their format, those of 16 bit without sign by the bits that are used; the
    others have that of all pictures together, or that of a window.
    """

    lowest: float = 0.0
    highest: float = 1.0
    bits: int = 16
    window: tuple[float, float] | None = None
    """Lowest and highest number that is told from those beyond it, instead of all that."""

    @classmethod
    def of(cls, pictures: Iterable[PictureFacts], window: tuple[float, float] | None = None) -> Scale:
        """The scale for these pictures."""
        found = list(pictures)
        deep = [facts.highest for facts in found if facts.header.number == "uint16"]
        others = [facts for facts in found if facts.header.number not in ("uint8", "uint16")]
        bits = next(bits for bits in BITS_OF_CAMERAS if max(deep, default=0) < 1 << bits)
        lowest = min((facts.lowest for facts in others), default=0.0)
        highest = max((facts.highest for facts in others), default=1.0)
        return cls(lowest, highest if highest > lowest else lowest + 1, bits, window)

    def scaled(self, numbers: Any) -> Any:
        """The same numbers as float32 from 0 to 1."""
        if self.window is not None:
            lowest, highest = self.window
            return ((numbers.astype(np.float32) - lowest) / (highest - lowest)).clip(0, 1)
        if numbers.dtype == np.uint8:
            return numbers.astype(np.float32) / np.iinfo(np.uint8).max
        if numbers.dtype == np.uint16:
            return numbers.astype(np.float32) / ((1 << self.bits) - 1)
        return ((numbers - self.lowest) / (self.highest - self.lowest)).astype(np.float32)


def window_of(written: str | None) -> tuple[float, float] | None:
    """The window that ``--window LEVEL,WIDTH`` names, as lowest and highest number; raises `UsageError`.

    Level and width as a radiologist gives them: half of the width lies below the level.
    """
    if written is None:
        return None
    try:
        level, width = (float(part) for part in written.split(","))
    except ValueError:
        raise UsageError("window_unreadable", value=written) from None
    if not (np.isfinite([level, width]).all() and width > 0):
        raise UsageError("window_unreadable", value=written)
    return level - width / 2, level + width / 2
