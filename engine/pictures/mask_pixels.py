"""The pixels of a mask, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from .upright import upright

BITS = 8
"""Of one channel in the number that stands for a colour."""
OPAQUE = 255


class MaskPixels(NamedTuple):
    """A mask as numbers: grey values or class numbers as they stand in the file, or colours as 0xRRGGBB."""

    numbers: Any
    """[S, H, W]"""
    coloured: bool
    objects: bool = False
    """Its numbers are those of objects, by the way the file is made."""


def read_mask(path: Path) -> MaskPixels:
    """The mask in a file; raises what Pillow raises for one that it cannot read.

    A palette of greys stands for its greys, any other for class numbers, which its indices are. A transparent mask
    of one colour is what its alpha says; where a coloured one is transparent, it is black. Pages are objects.
    """
    with Image.open(path) as picture:
        pages = getattr(picture, "n_frames", 1)
        if pages > 1 and picture.format == "TIFF":
            parts = []
            for page in range(pages):
                picture.seek(page)
                parts.append(_page(picture).numbers)
            return as_objects(parts)
        return _page(upright(picture))


def as_objects(parts: Sequence[Any]) -> MaskPixels:
    """One mask of several, each of one object: what lies above half of the highest number in a part is its place.

    A part of another size than the first is none of them: a file of pages may hold a small picture of itself.
    """
    numbers = np.zeros(parts[0].shape, np.uint16)
    for number, part in enumerate(parts, start=1):
        if part.shape == numbers.shape:
            numbers[part > part.max() / 2] = number
    return MaskPixels(numbers, coloured=False, objects=True)


def _page(picture: Image.Image) -> MaskPixels:
    mode = picture.mode
    if mode == "1" or mode[0] in "IF":
        numbers = np.asarray(picture)
        return MaskPixels(numbers.astype(np.uint8) if mode == "1" else numbers, coloured=False)
    if mode == "P" and "transparency" not in picture.info:
        return _of_palette(picture)
    if mode == "L":
        return MaskPixels(np.asarray(picture), coloured=False)
    if picture.has_transparency_data:
        return _with_alpha(np.asarray(picture.convert("RGBA")))
    return _of_colours(np.asarray(picture.convert("RGB")))


def _of_palette(picture: Image.Image) -> MaskPixels:
    indices = np.asarray(picture)
    palette = np.asarray(picture.convert("RGB").getpalette() or picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    used = palette[np.unique(indices)]
    if (used == used[:, :1]).all():
        return MaskPixels(palette[:, 0][indices], coloured=False)
    return MaskPixels(indices, coloured=False)


def _with_alpha(pixels: Any) -> MaskPixels:
    colours, alpha = pixels[..., :3], pixels[..., 3]
    visible = alpha > 0
    if (alpha == OPAQUE).all():
        return _of_colours(colours)
    shown = colours[visible]
    if not len(shown) or (shown == shown[0]).all():
        return MaskPixels(alpha, coloured=False)
    return _of_colours(np.where(visible[..., None], colours, 0).astype(np.uint8))


def _of_colours(colours: Any) -> MaskPixels:
    if (colours == colours[..., :1]).all():
        return MaskPixels(np.ascontiguousarray(colours[..., 0]), coloured=False)
    numbers = np.zeros(colours.shape[:-1], np.uint32)
    for channel in range(3):  # in place: a slide has a hundred million pixels
        numbers <<= BITS
        numbers |= colours[..., channel]
    return MaskPixels(numbers, coloured=True)
