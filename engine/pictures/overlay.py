"""What was found, in colours on its picture, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .class_colours import colour_of

BACKGROUND = (0, 0, 0)
ROWS = 256
"""Of a picture, coloured at a time."""
SEEN = 1_000_000
"""Pixels by which the brightness of a picture is judged."""
DARKEST, BRIGHTEST = 1, 99
"""Percentiles of numbers of more than 8 bit that become black and white."""


def write_overlay(path: Path, parts: Sequence[Any], labels: Any) -> None:
    """Write a picture, as `read_parts` gives it, with its classes [S, H, W] as a PNG of 8 bit.

    Of a volume it is the slice that has most foreground. Raises `OSError`.
    """
    number = int(np.argmax([np.count_nonzero(page) for page in labels]))
    found = labels[number]
    picture = _as_8_bit(parts[0][number])
    shown = np.empty((*found.shape, 3), np.uint8)
    colours = np.array([BACKGROUND, *(colour_of(label) for label in range(1, int(found.max()) + 1))], np.uint16)
    for first in range(0, len(found), ROWS):
        rows = slice(first, first + ROWS)
        pixels = picture[rows] if picture.ndim == 3 else picture[rows, :, None].repeat(3, axis=2)
        marked = found[rows]
        mixed = (pixels + colours[marked]) // 2
        shown[rows] = np.where(marked[..., None] > 0, mixed, pixels)
    Image.fromarray(shown).save(path, "PNG")


def _as_8_bit(page: Any) -> Any:
    """A slice [H, W] or [H, W, C] as uint8, grey or with three channels."""
    if page.ndim == 3:
        page = page[..., :3] if page.shape[2] >= 3 else page[..., 0]
    if page.dtype == np.uint8:
        return page
    every = max(1, page.size // SEEN)
    lowest, highest = np.percentile(page.reshape(-1)[::every].astype(np.float32), (DARKEST, BRIGHTEST))
    share = (page.astype(np.float32) - lowest) / max(highest - lowest, np.finfo(np.float32).tiny)
    return (share.clip(0, 1) * np.iinfo(np.uint8).max).round().astype(np.uint8)
