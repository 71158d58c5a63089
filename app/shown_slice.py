"""One slice of a picture and its mask, made small enough to be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.pictures.checked_pairs import COLOUR, Pair
from ..engine.pictures.folder import Folder

FLAT = 0.25
"""Of the range of grey that the network gets: a picture that uses less is shown with more contrast."""


@dataclass(frozen=True)
class ShownSlice:
    """A picture with what its mask says of it."""

    picture: Any
    """uint8 [H, W, 3]"""
    contrast: float
    """How much of it was added to be seen: 1 for none."""
    labels: Any
    """Of the same pixels, int64 [H, W]."""


def step_of(pair: Pair, longest: int) -> int:
    """Which pixels are shown, each first, second, third …, so that a side has no more than about `longest`."""
    return math.ceil(max(pair.header.shape[1:]) / longest)


def shown_slice(folder: Folder, pair: Pair, number: int, step: int) -> ShownSlice:
    """A slice of a pair by its number from 0; other pixels than those that are shown are not read where mapped.

    A picture of two, or of more than three channels shows the first. Grey is as the network gets it, unless that
    is too flat to be seen.
    """
    picture, contrast = _picture(folder, pair, number, step)
    return ShownSlice(picture, contrast, folder.labels_of(pair)((number, *each(step))))


def each(step: int) -> tuple[slice, slice]:
    """The place of the rows and columns that are shown."""
    return slice(None, None, step), slice(None, None, step)


def _picture(folder: Folder, pair: Pair, number: int, step: int) -> tuple[Any, float]:
    pixels = folder.pictures.pixels(pair.files.images[0])[(number, *each(step))]
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
