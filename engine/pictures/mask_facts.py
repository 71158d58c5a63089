"""What is in a mask: read once, whole, before the rules of `mask_rules` say what it means."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from .mask_pixels import MaskPixels

MOST_VALUES = 4096
"""Kept of one mask. Where there are more, those that lie close together are counted as one."""


class MaskFacts(msgspec.Struct, frozen=True):
    """What one mask holds."""

    coloured: bool
    values: list[float]
    """Distinct ones, rising, from the lowest."""
    counts: list[int]
    """Pixels of each."""
    flat: float
    """Share of equal ones among neighbours in a row that are both above the lowest value; 1 without any."""
    finite: bool
    """No value is nan or inf; if some are, they are in no other fact."""


def facts_of(mask: MaskPixels) -> MaskFacts:
    """Count what is in a mask."""
    numbers = mask.numbers
    finite = True
    if numbers.dtype.kind == "f":
        finite = bool(np.isfinite(numbers).all())
        values, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    elif numbers.dtype.itemsize <= 2 and numbers.dtype.kind == "u":
        counts = np.bincount(numbers.ravel())
        values = np.flatnonzero(counts)
        counts = counts[values]
    else:
        values, counts = np.unique(numbers, return_counts=True)
    if len(values) > MOST_VALUES:
        values, counts = _fewer(values, counts)
    return MaskFacts(mask.coloured, [float(value) for value in values], counts.tolist(), _flat(numbers), finite)


def _fewer(values: Any, counts: Any) -> tuple[Any, Any]:
    """Values and counts of `MOST_VALUES` parts of their range; the lowest stays, and whole ones stay whole."""
    step = (float(values[-1]) - float(values[0])) / (MOST_VALUES - 1)
    if values.dtype.kind != "f":
        step = math.ceil(step)
    places = np.floor((values - values[0]) / step + 1e-9).astype(np.int64)
    summed = np.bincount(places, weights=counts).astype(np.int64)
    used = np.flatnonzero(summed)
    return values[0] + used * step, summed[used]


def _flat(numbers: Any) -> float:
    above = numbers > numbers.min()
    left, right = numbers[..., :-1], numbers[..., 1:]
    both = above[..., :-1] & above[..., 1:]
    count = int(both.sum())
    return float((left == right)[both].mean()) if count else 1.0
