"""Rows of large pictures, some at a time, so that what is done with them takes little memory beside the pixels."""

from __future__ import annotations

from collections.abc import Iterator

STRIP = 1 << 22
"""Pixels of one strip."""


def strips(height: int, width: int) -> Iterator[slice]:
    """Rows of a picture of that size, from the first to the last."""
    rows = max(1, STRIP // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))
