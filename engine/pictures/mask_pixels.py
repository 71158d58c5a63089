"""The pixels of a mask, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .strips import strips

BITS = 8
"""Of one channel in the number that stands for a colour."""


class MaskPixels(NamedTuple):
    """A mask as numbers: grey values or class numbers as they stand in the file, or colours as 0xRRGGBB."""

    numbers: Any
    """[S, H, W]"""
    coloured: bool
    objects: bool = False
    """Its numbers are those of objects, by the way the file is made."""


def mask_of_colours(colours: Any) -> MaskPixels:
    """Colours, uint8 [H, W, 3], as numbers [H, W]; as greys if all of them are."""
    height, width = colours.shape[:2]
    every = list(strips(height, width))
    if all((colours[rows] == colours[rows][..., :1]).all() for rows in every):
        return MaskPixels(np.ascontiguousarray(colours[..., 0]), coloured=False)
    numbers = np.zeros((height, width), np.uint32)
    for rows in every:
        for channel in range(3):
            numbers[rows] = numbers[rows] << BITS | colours[rows][..., channel]
    return MaskPixels(numbers, coloured=True)


def objects_of(masks: Sequence[MaskPixels]) -> MaskPixels:
    """Masks of one size as one: what lies above half of the highest number in mask 1 is 1, and so on."""
    numbers = np.zeros(masks[0].numbers.shape, np.uint16)
    for number, mask in enumerate(masks, 1):
        numbers[mask.numbers > mask.numbers.max() / 2] = number
    return MaskPixels(numbers, coloured=False, objects=True)


def stack_of(slices: Sequence[MaskPixels]) -> MaskPixels:
    """Slices of one mask, each [H, W], as [S, H, W]; greys beside colours are colours too."""
    if len(slices) == 1:
        return slices[0]._replace(numbers=slices[0].numbers[None])
    coloured = any(mask.coloured for mask in slices)
    grey = 1 | 1 << BITS | 1 << 2 * BITS
    numbers = [
        mask.numbers.astype(np.uint32) * grey if coloured and not mask.coloured else mask.numbers for mask in slices
    ]
    return MaskPixels(np.stack(numbers), coloured)
