"""What the masks of a folder mean, by written rules, all of them together.

The first rule that holds counts:

- *Named*: somebody has said which values are which classes (see `class_names`).
- *Objects by their file*: pages, or several masks of one picture, are objects. Each is foreground.
- *Colours*: if any mask has colours, each colour is a class. Black is the background, or without black the colour
  of the most pixels.
- *Two values*: the higher one is the foreground, whatever they are: 0 and 1, 0 and 38, 0 and 255.
- *Counted*: numbers that run from 1 without a gap in each mask, to an end that differs and lies above 8, are labels
  of objects, as below.
- *Class numbers*: whole numbers up to 32 are classes, with 0 as the background. 255 among them is void: such a
  pixel belongs to nothing, and is neither learnt nor judged.
- *Soft*: fractions, or values that change from pixel to pixel or only at edges, as JPEG and scaling make them. What
  is above half of the highest value is foreground.
- *Levels*: few other whole numbers are classes too, with the lowest as the background.
- *Objects*: many whole numbers are labels of objects. Each is foreground, with the lowest as the background.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import UsageError
from ..task import some_of
from .class_names import ClassNames
from .mask_facts import MaskFacts
from .meaning import BLACK, VOID, Kind, MaskClass, Meaning, as_colour, value_text

MOST_CLASSES = 32
FLAT = 0.6
"""Neighbours within classes and objects are equal more often than this, but for very thin ones."""
FEW_LEVELS = 8
ENDS = 0.15
"""Of the range of values at either end, where JPEG and scaling move them."""
EDGES = 0.25
"""Soft edges have no more of the pixels that are not near the lowest value than this."""

Masks = Mapping[Path, MaskFacts]


def meaning_of(masks: Masks, names: ClassNames | None = None) -> Meaning:
    """What these masks mean; raises `UsageError` where they contradict one another, or show one thing only."""
    damaged = [path for path, facts in masks.items() if not facts.finite]
    if damaged:
        raise UsageError("mask_not_finite", path=str(damaged[0]))
    coloured = any(facts.coloured for facts in masks.values())
    values = _together(masks.values(), coloured=coloured)
    if names is not None:
        meaning = _named(values, masks, names, coloured=coloured)
    elif coloured:
        meaning = _of_colours(values, masks)
    else:
        meaning = _of_numbers(values, masks)
    if meaning.share in (0.0, 1.0):
        key = "masks_empty" if meaning.share == 0.0 else "masks_full"
        raise UsageError(key, count=len(masks), names=_first(list(masks)), values=meaning.shown())
    return meaning


def _together(masks: Iterable[MaskFacts], *, coloured: bool) -> dict[float, int]:
    values: dict[float, int] = {}
    for facts in masks:
        for value, count in zip(facts.values, facts.counts, strict=True):
            one = float(as_colour(value)) if coloured and not facts.coloured else value
            values[one] = values.get(one, 0) + count
    return dict(sorted(values.items()))


def _named(values: dict[float, int], masks: Masks, names: ClassNames, *, coloured: bool) -> Meaning:
    """Where no background is named, it is whatever else there is."""
    classes = [
        MaskClass(
            name, tuple(one for one in (value.number(coloured=coloured) for value in group) if one is not None)
        )
        for name, group in names.classes
    ]
    void = {one for one in (value.number(coloured=coloured) for value in names.void) if one is not None}
    known = {value for one in classes for value in one.values} | void
    others = [value for value in values if value not in known]
    void_values = frozenset(void)
    if not names.has_background:
        everything = (MaskClass("background", tuple(others)), *classes)
        return Meaning("named", everything, values, void_values, coloured=coloured)
    if others:
        files = [path for path, facts in masks.items() if _values_in(facts, coloured=coloured) - known]
        texts = some_of([value_text(value, colour=coloured) for value in others])
        raise UsageError("masks_unnamed", values=texts, count=len(files), names=_first(files))
    return Meaning("named", tuple(classes), values, void_values, coloured=coloured)


def _values_in(facts: MaskFacts, *, coloured: bool) -> set[float]:
    return {float(as_colour(one)) if coloured and not facts.coloured else one for one in facts.values}


def _of_colours(values: dict[float, int], masks: Masks) -> Meaning:
    if len(values) > MOST_CLASSES:
        many = sorted(masks, key=lambda path: -len(masks[path].values))
        raise UsageError("mask_colours", count=len(values), most=MOST_CLASSES, names=_first(many))
    background = BLACK if BLACK in values else max(values, key=values.__getitem__)
    classes = _one_each(values, background, colour=True)
    return Meaning("colours", classes, values, coloured=True)


def _of_numbers(values: dict[float, int], masks: Masks) -> Meaning:
    lowest, highest = min(values), max(values)
    if any(facts.objects for facts in masks.values()):
        return _foreground("objects", values, BLACK)
    if len(values) <= 2:
        return _foreground("binary", values, lowest if len(values) == 2 else BLACK)
    whole = all(value == int(value) for value in values)
    small = [value for value in values if value != VOID]
    if whole and lowest >= 0 and max(small) <= MOST_CLASSES:
        if _are_counted(masks.values()):
            return _foreground("objects", values, BLACK)
        void = {VOID} & set(values)
        if void:
            _check_void(masks)
        return Meaning("classes", _one_each(small, BLACK, colour=False), values, frozenset(void))
    if not whole or _is_soft(values, masks.values()):
        return Meaning("soft", _two((), tuple(values)), values, threshold=highest / 2)
    if len(values) <= MOST_CLASSES:
        return Meaning("levels", _one_each(values, lowest, colour=False), values)
    return _foreground("objects", values, lowest)


def _foreground(kind: Kind, values: dict[float, int], background: float) -> Meaning:
    return Meaning(kind, _two((background,), tuple(value for value in values if value != background)), values)


def _two(background: tuple[float, ...], foreground: tuple[float, ...]) -> tuple[MaskClass, ...]:
    return MaskClass("background", background), MaskClass("foreground", foreground)


def _one_each(values: Collection[float], background: float, *, colour: bool) -> tuple[MaskClass, ...]:
    others = [value for value in values if value != background]
    return (
        MaskClass("background", (background,)),
        *(MaskClass(value_text(value, colour=colour), (value,)) for value in others),
    )


def _are_counted(masks: Iterable[MaskFacts]) -> bool:
    """Whether each mask has the numbers 1 to n, and n differs and gets large."""
    ends = set()
    for facts in masks:
        labels = [value for value in facts.values if value > 0]
        if labels != list(range(1, len(labels) + 1)):
            return False
        ends.add(len(labels))
    return len(ends) > 1 and max(ends) > FEW_LEVELS


def _check_void(masks: Masks) -> None:
    """255 is void beside small numbers, and white in masks of black and white: not both in one folder."""
    white = [path for path, facts in masks.items() if set(facts.values) == {BLACK, VOID}]
    numbers = [path for path, facts in masks.items() if VOID not in facts.values and max(facts.values) > 0]
    both = [path for path, facts in masks.items() if VOID in facts.values and path not in white]
    if white and numbers and not both:
        raise UsageError("masks_contradict", white=_first(white), numbers=_first(numbers))


def _is_soft(values: dict[float, int], masks: Iterable[MaskFacts]) -> bool:
    if len(values) <= FEW_LEVELS:
        return False
    lowest, highest = min(values), max(values)
    end = ENDS * (highest - lowest)
    top = sum(count for value, count in values.items() if value >= highest - end)
    between = sum(count for value, count in values.items() if lowest + end < value < highest - end)
    if between <= EDGES * (between + top):
        return True
    return float(np.median([facts.flat for facts in masks])) < FLAT


def _first(paths: Sequence[Path]) -> str:
    return some_of([path.name for path in paths])
