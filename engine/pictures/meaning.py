"""What masks mean: which pixel belongs to which class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from .mask_pixels import BITS, MaskPixels

Kind = Literal["named", "colours", "binary", "classes", "soft", "levels", "objects"]

VOID = 255.0
BLACK = 0.0
IGNORED = -1
"""Label of a pixel that belongs to nothing."""
VALUES_SHOWN = 8


@dataclass(frozen=True)
class MaskClass:
    """One class of pixels."""

    name: str
    values: tuple[float, ...]
    """Of the pixels in the mask that belong to it."""


@dataclass(frozen=True)
class Meaning:
    """Which pixels of a mask belong to which class."""

    kind: Kind
    """The rule by which it was found."""
    classes: tuple[MaskClass, ...]
    """The background first."""
    values: dict[float, int]
    """Pixels of each value in all masks."""
    void: frozenset[float] = frozenset()
    """Values of pixels that belong to nothing."""
    threshold: float | None = None
    """Of soft masks: what is above it is foreground."""
    coloured: bool = False
    """The values are colours."""

    @property
    def binary(self) -> bool:
        """There is foreground and background, and nothing else."""
        return len(self.classes) == 2 and not self.void

    @property
    def share(self) -> float:
        """Of the foreground, all but the background, in all pixels that belong to anything."""
        background, *others = self.shares
        return sum(others) if background + sum(others) else 0.0

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """Of each class in all pixels that belong to anything."""
        values, counts = np.array(list(self.values)), np.array(list(self.values.values()))
        labels = self._labels(values)
        pixels = [int(counts[labels == label].sum()) for label in range(len(self.classes))]
        total = sum(pixels)
        return tuple(count / total if total else 0.0 for count in pixels)

    def labels(self, mask: MaskPixels) -> Any:
        """The number of the class of each pixel, int64 in the shape of the mask; `IGNORED` for void."""
        numbers = mask.numbers
        if self.coloured and not mask.coloured:  # one without any colour, among coloured ones
            numbers = as_colour(numbers)
        return self._labels(numbers)

    def label_of(self, value: float, *, coloured: bool) -> int:
        """The number of the class of a value that stands in a mask."""
        one = as_colour(value) if self.coloured and not coloured else np.asarray(value)
        return int(self._labels(one))

    def shown(self) -> str:
        """The values of the masks with their share of the pixels, the most frequent first."""
        total = sum(self.values.values())
        ordered = sorted(self.values.items(), key=lambda each: -each[1])
        texts = [
            f"{value_text(value, colour=self.coloured)} {100 * count / total:.1f}%"
            for value, count in ordered[:VALUES_SHOWN]
        ]
        return ", ".join(texts) + (" …" if len(ordered) > VALUES_SHOWN else "")

    def _labels(self, numbers: Any) -> Any:
        if self.threshold is not None:
            return (numbers > self.threshold).astype(np.int64)
        if len(self.classes) == 2 and len(self.classes[0].values) == 1 and not self.void:
            return (numbers != self.classes[0].values[0]).astype(np.int64)
        values, labels = self._table
        place = np.searchsorted(values, numbers).clip(max=len(values) - 1)
        return np.where(values[place] == numbers, labels[place], 0)

    @cached_property
    def _table(self) -> tuple[Any, Any]:
        """All values, rising, and the label of each."""
        pairs = [(value, label) for label, one in enumerate(self.classes) for value in one.values]
        pairs = sorted({**dict(pairs), **dict.fromkeys(self.void, IGNORED)}.items())
        return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs], np.int64)


def as_colour(grey: Any) -> Any:
    """The number of a colour, 0xRRGGBB, that is a grey."""
    grey = np.asarray(grey).astype(np.uint32)
    return grey << 2 * BITS | grey << BITS | grey


def value_text(value: float, *, colour: bool) -> str:
    """A value as people write it."""
    return f"#{int(value):06x}" if colour else f"{value:g}"
