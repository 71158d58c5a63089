"""What the pixels of a mask are: read once, whole, before the rules of `mask_rules` say what they mean."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from PIL import Image

from .upright import upright

BITS = 8
"""Of one channel in the number that stands for a colour."""
MOST_VALUES = 4096
"""Kept of one mask. Where there are more, those that lie close together are counted as one."""
OPAQUE = 255


class MaskPixels(NamedTuple):
    """A mask as numbers, [H, W]: grey values or class numbers as they stand in the file, or colours as 0xRRGGBB."""

    numbers: Any
    coloured: bool


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


def read_mask(path: Path) -> MaskPixels:
    """The mask in a file; raises what Pillow raises for one that it cannot read.

    A palette of greys stands for its greys, any other for class numbers, which its indices are. A transparent mask
    of one colour is what its alpha says; where a coloured one is transparent, it is black. Pages of one size are
    objects: pixels of page 1, 2, … in none but their own become 1, 2, …
    """
    with Image.open(path) as picture:
        pages = getattr(picture, "n_frames", 1)
        if pages > 1 and picture.format == "TIFF":
            return _objects(picture, pages)
        return _page(upright(picture))


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
    left, right = numbers[:, :-1], numbers[:, 1:]
    both = above[:, :-1] & above[:, 1:]
    count = int(both.sum())
    return float((left == right)[both].mean()) if count else 1.0


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
    red, green, blue = (colours[..., channel].astype(np.uint32) for channel in range(3))
    return MaskPixels(red << 2 * BITS | green << BITS | blue, coloured=True)


def _objects(picture: Image.Image, pages: int) -> MaskPixels:
    numbers = None
    for page in range(pages):
        picture.seek(page)
        one = _page(picture).numbers
        if numbers is None:
            numbers = np.zeros(one.shape, np.uint16)
        if one.shape == numbers.shape:
            numbers[one > 0] = page + 1
    return MaskPixels(numbers, coloured=False)
