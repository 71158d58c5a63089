"""A page that Pillow has opened, as a mask.

A palette of greys stands for its greys, any other for class numbers, which its indices are. A transparent mask of
one colour is what its alpha says; where a coloured one is transparent, it is black.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..mask_pixels import MaskPixels, mask_of_colours
from ..strips import strips
from .pillow_pages import page_pixels, upright_numbers

OPAQUE = 255


def page_mask(picture: Image.Image) -> MaskPixels:
    """An opened page as a mask [H, W]."""
    mode = picture.mode
    if mode == "1":
        return MaskPixels(upright_numbers(picture, None, np.uint8), coloured=False)
    if mode == "P" and "transparency" not in picture.info:
        return _of_palette(picture)
    if mode == "L" or mode[0] in "IF":
        return MaskPixels(page_pixels(picture), coloured=False)
    if picture.has_transparency_data:
        return _with_alpha(upright_numbers(picture, "RGBA", np.uint8))
    return mask_of_colours(upright_numbers(picture, "RGB", np.uint8))


def _of_palette(picture: Image.Image) -> MaskPixels:
    indices = upright_numbers(picture, None, np.uint8)
    palette = np.asarray(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    used = palette[[index for index, count in enumerate(picture.histogram()) if count]]
    if (used == used[:, :1]).all():
        return MaskPixels(palette[:, 0][indices], coloured=False)
    return MaskPixels(indices, coloured=False)


def _with_alpha(pixels: Any) -> MaskPixels:
    """Of RGBA, uint8 [H, W, 4], which is changed."""
    colours, alpha = pixels[..., :3], pixels[..., 3]
    every = list(strips(*alpha.shape))
    if all((alpha[rows] == OPAQUE).all() for rows in every):
        return mask_of_colours(colours)
    shown = np.concatenate([_distinct(colours[rows][alpha[rows] > 0]) for rows in every])
    if len(_distinct(shown)) <= 1:
        return MaskPixels(np.ascontiguousarray(alpha), coloured=False)
    for rows in every:
        colours[rows][alpha[rows] == 0] = 0
    return mask_of_colours(colours)


def _distinct(colours: Any) -> Any:
    """One or two of the colours [N, 3], as many as tell whether they are all the same."""
    others = np.flatnonzero((colours != colours[:1]).any(axis=1))
    return colours[[*range(min(1, len(colours))), *others[:1]]]
