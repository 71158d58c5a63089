"""How a number is written where there is little room.

Everywhere a number is written with `z` in its format, so that none stands there as minus zero: torch gives a loss
of -0.0 for one that is nothing.
"""

from __future__ import annotations

import math

HIDDEN = 0.05
"""A number that loses more than this share of itself to its decimals is hidden by them."""


def hides(value: float, decimals: int) -> bool:
    """Whether so many `decimals` do not show the number: 0.000000 for 1e-9."""
    return math.isfinite(value) and abs(round(value, decimals) - value) > HIDDEN * abs(value)


def short(value: float, width: int, decimals: int = 4) -> str:
    """The number in at most `width` columns, 8 or more: with `decimals` if they show it, else as a power of 10."""
    fixed = f"{value:z.{decimals}f}"
    if len(fixed) <= width and not hides(value, decimals):
        return fixed
    return next(text for digits in (3, 2, 1, 0) if len(text := f"{value:.{digits}e}") <= width or not digits)
