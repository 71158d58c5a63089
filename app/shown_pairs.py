"""Some pairs of a folder, made small enough to be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.pictures.checked_pairs import COLOUR, Pair
from ..engine.pictures.folder import Folder
from ..engine.pictures.mask_pixels import MaskPixels
from .data_facts import SideName, pair_share
from .overlay import evenly, overlaid

FLAT = 0.25
"""Of the range of grey that the network gets: a picture that uses less is shown with more contrast."""


@dataclass(frozen=True)
class ShownPair:
    """A picture, and the same with its mask over it."""

    name: str
    side: SideName
    slice: int
    """Which is shown, from 1."""
    slices: int
    share: float | None
    """Of the foreground in the whole mask."""
    contrast: float
    """How much of it was added to be seen: 1 for none."""
    picture: Any
    """uint8 [H, W, 3]"""
    labels: Any
    """Of the same pixels, int64 [H, W]."""
    overlay: Any


def chosen(folder: Folder, most: int) -> list[tuple[SideName, Pair]]:
    """Pairs of both sides, as many of each as there are of all, evenly among them."""
    total = len(folder.train) + len(folder.val)
    val = min(len(folder.val), max(1, round(most * len(folder.val) / total)))
    train = min(len(folder.train), most - val)
    sides: list[tuple[SideName, list[Pair], int]] = [
        ("train", folder.train, train),
        ("val", folder.val, min(len(folder.val), most - train)),
    ]
    return [(name, pairs[place]) for name, pairs, count in sides for place in evenly(len(pairs), count)]


def shown_pair(folder: Folder, side: SideName, pair: Pair, longest: int) -> ShownPair:
    """A pair with no more than about `longest` pixels a side, of which no others are read where they are mapped.

    Of a volume it is the slice with the most foreground. A picture of two, or of more than three channels shows the
    first. Grey is as the network gets it, unless that is too flat to be seen.
    """
    slices, height, width = pair.header.shape
    step = math.ceil(max(height, width) / longest)
    numbers = folder.pictures.mask_numbers(pair.files.masks, pair.header)

    def labels(number: int, step: int) -> Any:
        return folder.meaning.labels(MaskPixels(np.asarray(numbers[number, ::step, ::step]), pair.mask.coloured))

    number = 0
    if slices > 1:
        coarse = step * max(1, min(height, width) // step // 64)
        foreground = [int((labels(one, coarse) > 0).sum()) for one in range(slices)]
        number = int(np.argmax(foreground)) if any(foreground) else slices // 2
    picture, contrast = _picture(folder, pair, number, step)
    shown = labels(number, step)
    return ShownPair(
        name=pair.files.name,
        side=side,
        slice=number + 1,
        slices=slices,
        share=pair_share(folder.meaning, pair),
        contrast=contrast,
        picture=picture,
        labels=shown,
        overlay=overlaid(picture, shown),
    )


def _picture(folder: Folder, pair: Pair, number: int, step: int) -> tuple[Any, float]:
    pixels = folder.pictures.pixels(pair.files.images[0])[number, ::step, ::step]
    scaled = folder.scale.scaled(np.asarray(pixels)).clip(0, 1)
    contrast = 1.0
    if scaled.ndim == 3 and scaled.shape[2] != COLOUR:
        scaled = scaled[..., 0]
    low, high = (float(one) for one in np.percentile(scaled, (1, 99)))
    if folder.scale.window is None and 0 < high - low < FLAT:
        contrast = 1 / (high - low)
        scaled = ((scaled - low) * contrast).clip(0, 1)
    grey = np.rint(scaled * 255).astype(np.uint8)
    return (grey if grey.ndim == 3 else np.repeat(grey[..., None], COLOUR, axis=2)), contrast
