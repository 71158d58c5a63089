"""What was found, in colours on its picture, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLOURS = np.array(
    [
        (0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9), (0x00, 0x9E, 0x73), (0xF0, 0xE4, 0x42),
        (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0xCC, 0x79, 0xA7),
    ],
    np.uint16,
)  # fmt: skip
"""Those that people of every colour vision tell apart (Okabe, Ito, 2008), without black."""
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
    for first in range(0, len(found), ROWS):
        rows = slice(first, first + ROWS)
        pixels = picture[rows] if picture.ndim == 3 else picture[rows, :, None].repeat(3, axis=2)
        marked = found[rows]
        mixed = (pixels + COLOURS[(marked.astype(np.int64) - 1) % len(COLOURS)]) // 2
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
