"""What the masks of a folder mean, by written rules, all of them together.

The first rule that holds counts:

- *Colours*: if any mask has colours, each colour is a class. Black is the background, or without black the colour
  of the most pixels.
- *Two values*: the higher one is the foreground, whatever they are: 0 and 1, 0 and 38, 0 and 255.
- *Class numbers*: whole numbers up to 32 are classes, with 0 as the background. 255 among them is void: such a
  pixel belongs to nothing, and counts as background.
- *Soft*: fractions, or values that change from pixel to pixel or only at edges, as JPEG and scaling make them. What
  is above half of the highest value is foreground.
- *Levels*: few other whole numbers are classes too, with the lowest as the background.
- *Objects*: many whole numbers are labels of objects. Each is foreground, with the lowest as the background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...errors import UsageError
from .mask_facts import MaskFacts
from .mask_pixels import BITS, MaskPixels

Kind = Literal["colours", "binary", "classes", "soft", "levels", "objects"]

MOST_CLASSES = 32
VOID = 255.0
BLACK = 0.0
FLAT = 0.6
"""Neighbours within classes and objects are equal more often than this, but for very thin ones."""
FEW_LEVELS = 8
ENDS = 0.15
"""Of the range of values at either end, where JPEG and scaling move them."""
EDGES = 0.25
"""Soft edges have no more of the pixels that are not near the lowest value than this."""
SHOWN = 3
"""Files, or values, that are named."""


@dataclass(frozen=True)
class Meaning:
    """Which pixels of a mask are foreground."""

    kind: Kind
    background: float
    threshold: float
    """What is above it is foreground, if they are soft."""
    void: bool
    """Pixels of `VOID` belong to nothing."""
    values: dict[float, int]
    """Pixels of each value in all masks."""

    @property
    def share(self) -> float:
        """Of the foreground, in all pixels."""
        values = np.array(list(self.values))
        counts = np.array(list(self.values.values()))
        return float(counts[self._is_foreground(values)].sum() / counts.sum())

    def foreground(self, mask: MaskPixels) -> Any:
        """The foreground of a mask, bool [H, W]."""
        numbers = mask.numbers
        if self.kind == "colours" and not mask.coloured:  # one without any colour, among coloured ones
            numbers = _as_colour(numbers)
        return self._is_foreground(numbers)

    def _is_foreground(self, numbers: Any) -> Any:
        if self.kind == "soft":
            return numbers > self.threshold
        foreground = numbers != self.background
        return foreground & (numbers != VOID) if self.void else foreground


def meaning_of(masks: Mapping[Path, MaskFacts]) -> Meaning:
    """What these masks mean; raises `UsageError` where they contradict one another, or show one thing only."""
    damaged = [path for path, facts in masks.items() if not facts.finite]
    if damaged:
        raise UsageError("mask_not_finite", path=str(damaged[0]))
    coloured = any(facts.coloured for facts in masks.values())
    values = _together(masks.values(), coloured=coloured)
    meaning = _of_colours(values, masks) if coloured else _of_numbers(values, masks)
    if meaning.share in (0.0, 1.0):
        key = "masks_empty" if meaning.share == 0.0 else "masks_full"
        raise UsageError(key, count=len(masks), names=_named(list(masks)), values=shown(meaning))
    return meaning


def shown(meaning: Meaning) -> str:
    """The values of the masks with their share of the pixels, the most frequent first."""
    total = sum(meaning.values.values())
    ordered = sorted(meaning.values.items(), key=lambda each: -each[1])
    texts = [f"{_value(value, meaning.kind)} {100 * count / total:.1f}%" for value, count in ordered[:FEW_LEVELS]]
    return ", ".join(texts) + (" …" if len(ordered) > FEW_LEVELS else "")


def _value(value: float, kind: Kind) -> str:
    return f"#{int(value):06x}" if kind == "colours" else f"{value:g}"


def _together(masks: Any, *, coloured: bool) -> dict[float, int]:
    values: dict[float, int] = {}
    for facts in masks:
        for value, count in zip(facts.values, facts.counts, strict=True):
            one = float(_as_colour(value)) if coloured and not facts.coloured else value
            values[one] = values.get(one, 0) + count
    return dict(sorted(values.items()))


def _as_colour(grey: Any) -> Any:
    grey = np.asarray(grey).astype(np.uint32)
    return grey << 2 * BITS | grey << BITS | grey


def _of_colours(values: dict[float, int], masks: Mapping[Path, MaskFacts]) -> Meaning:
    if len(values) > MOST_CLASSES:
        many = sorted(masks, key=lambda path: -len(masks[path].values))
        raise UsageError("mask_colours", count=len(values), most=MOST_CLASSES, names=_named(many))
    background = BLACK if BLACK in values else max(values, key=values.__getitem__)
    return Meaning("colours", background, 0.0, void=False, values=values)


def _of_numbers(values: dict[float, int], masks: Mapping[Path, MaskFacts]) -> Meaning:
    lowest, highest = min(values), max(values)
    if len(values) <= 2:
        background = lowest if len(values) == 2 else BLACK
        return Meaning("binary", background, 0.0, void=False, values=values)
    whole = all(value == int(value) for value in values)
    small = [value for value in values if value != VOID]
    if whole and lowest >= 0 and max(small) <= MOST_CLASSES:
        void = VOID in values
        if void:
            _check_void(masks)
        return Meaning("classes", 0.0, 0.0, void=void, values=values)
    if not whole or _is_soft(values, masks.values()):
        return Meaning("soft", lowest, highest / 2, void=False, values=values)
    return Meaning("levels" if len(values) <= MOST_CLASSES else "objects", lowest, 0.0, void=False, values=values)


def _check_void(masks: Mapping[Path, MaskFacts]) -> None:
    """255 is void beside small numbers, and white in masks of black and white: not both in one folder."""
    white = [path for path, facts in masks.items() if set(facts.values) == {0.0, VOID}]
    numbers = [path for path, facts in masks.items() if VOID not in facts.values and max(facts.values) > 0]
    both = [path for path, facts in masks.items() if VOID in facts.values and path not in white]
    if white and numbers and not both:
        raise UsageError("masks_contradict", white=_named(white), numbers=_named(numbers))


def _is_soft(values: dict[float, int], masks: Any) -> bool:
    if len(values) <= FEW_LEVELS:
        return False
    lowest, highest = min(values), max(values)
    end = ENDS * (highest - lowest)
    top = sum(count for value, count in values.items() if value >= highest - end)
    between = sum(count for value, count in values.items() if lowest + end < value < highest - end)
    if between <= EDGES * (between + top):
        return True
    return float(np.median([facts.flat for facts in masks])) < FLAT


def _named(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:SHOWN]) + (" …" if len(paths) > SHOWN else "")
