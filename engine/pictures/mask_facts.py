"""What is in a mask: read once, whole, before the rules of `mask_rules` say what it means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np

from .mask_pixels import MaskPixels

MOST_VALUES = 4096
"""Kept of one mask. Where there are more, those that lie close together are counted as one."""
MOST_PLACED = 32
"""Values, in one mask, whose places are remembered one by one; more are no classes."""
PLACES = 64
"""Remembered of each value."""
STRIP = 1 << 22
"""Pixels looked at at a time, so that a slide takes little memory besides its own pixels."""


class MaskFacts(msgspec.Struct, frozen=True):
    """What one mask holds."""

    coloured: bool
    objects: bool
    """Its numbers are those of objects, by the way the file is made."""
    values: list[float]
    """Distinct ones, rising, from the lowest."""
    counts: list[int]
    """Pixels of each."""
    flat: float
    """Share of equal ones among neighbours in a row that are both above the lowest value; 1 without any."""
    finite: bool
    """No value is nan or inf; if some are, they are in no other fact."""
    places: list[bytes]
    """Some pixels of each value, evenly among all, as int64 indices in [S, H, W]; none of one that has more than
    half of all pixels. Where the values are more than `MOST_PLACED`, one entry for all above the lowest."""

    def places_of(self, number: int) -> Any:
        """Indices of pixels of the value `number`, int64, rising."""
        return np.frombuffer(self.places[number], np.int64)


def facts_of(mask: MaskPixels) -> MaskFacts:
    """Count what is in a mask."""
    numbers = mask.numbers.reshape(-1, mask.numbers.shape[-1])
    finite = numbers.dtype.kind != "f" or all(np.isfinite(strip).all() for _, strip in _strips(numbers))
    values, counts = _counted(numbers)
    flat = _flat(numbers, values[0]) if len(values) > 2 else 1.0
    places = _places(numbers, values, counts)
    if len(values) > MOST_VALUES:
        values, counts = _fewer(values, counts)
    return MaskFacts(
        coloured=mask.coloured,
        objects=mask.objects,
        values=[float(value) for value in values],
        counts=counts.tolist(),
        flat=flat,
        finite=finite,
        places=places,
    )


def _strips(numbers: Any) -> Iterator[tuple[int, Any]]:
    """Rows, some at a time, each with the number of its first."""
    rows = max(1, STRIP // numbers.shape[1])
    for first in range(0, len(numbers), rows):
        yield first, numbers[first : first + rows]


def _counted(numbers: Any) -> tuple[Any, Any]:
    """Distinct finite values and how many pixels there are of each."""
    if numbers.dtype.kind in "ub" and numbers.dtype.itemsize <= 2:
        most = np.iinfo(numbers.dtype).max if numbers.dtype.kind == "u" else 1
        counts = np.zeros(most + 1, np.int64)
        for _, strip in _strips(numbers):
            counts += np.bincount(strip.ravel(), minlength=most + 1)
        values = np.flatnonzero(counts)
        return values, counts[values]
    parts = [
        np.unique(strip[np.isfinite(strip)] if strip.dtype.kind == "f" else strip, return_counts=True)
        for _, strip in _strips(numbers)
    ]
    values, place = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    return values, np.bincount(place, weights=np.concatenate([part[1] for part in parts])).astype(np.int64)


def _fewer(values: Any, counts: Any) -> tuple[Any, Any]:
    """Values and counts of `MOST_VALUES` parts of their range; the lowest stays, and whole ones stay whole."""
    step = (float(values[-1]) - float(values[0])) / (MOST_VALUES - 1)
    if values.dtype.kind != "f":
        step = math.ceil(step)
    places = np.floor((values - values[0]) / step + 1e-9).astype(np.int64)
    summed = np.bincount(places, weights=counts).astype(np.int64)
    used = np.flatnonzero(summed)
    return values[0] + used * step, summed[used]


def _flat(numbers: Any, lowest: Any) -> float:
    equal = count = 0
    for _, strip in _strips(numbers):
        above = strip > lowest
        both = above[:, :-1] & above[:, 1:]
        equal += int(((strip[:, :-1] == strip[:, 1:]) & both).sum())
        count += int(both.sum())
    return equal / count if count else 1.0


def _places(numbers: Any, values: Any, counts: Any) -> list[bytes]:
    if len(values) > MOST_PLACED:
        return [_some_places(numbers, lambda strip: strip > values[0])]
    most = counts.sum() / 2
    return [
        b"" if count > most else _some_places(numbers, partial(np.equal, value))
        for value, count in zip(values, counts, strict=True)
    ]


def _some_places(numbers: Any, is_one: Callable[[Any], Any]) -> bytes:
    found = []
    for first, strip in _strips(numbers):
        places = np.flatnonzero(is_one(strip))
        found.append(_evenly(places) + first * numbers.shape[1])
    kept: bytes = _evenly(np.concatenate(found)).astype(np.int64).tobytes()
    return kept


def _evenly(places: Any) -> Any:
    if len(places) <= PLACES:
        return places
    return places[np.linspace(0, len(places) - 1, PLACES).astype(np.int64)]
