"""Crops of pictures and their masks, as training and validation take them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from ...errors import UsageError
from .mask_pixels import MaskPixels, read_mask
from .mask_rules import Meaning
from .pairs import Pair
from .scan import PictureFacts
from .upright import upright

CROP = 128

Sample = tuple[Tensor, Tensor]


class Scale:
    """Makes numbers of pictures to ones from 0 to 1, by one rule for all pictures.

    8 and 16 bit have their range by their format; the others have that of all pictures together.
    """

    def __init__(self, pictures: Iterable[PictureFacts]) -> None:
        found = list(pictures)
        self._lowest = min(facts.lowest for facts in found)
        self._size = max(facts.highest for facts in found) - self._lowest or 1.0

    def scaled(self, numbers: Any) -> Any:
        """The same numbers as float32 from 0 to 1."""
        if numbers.dtype in (np.uint8, np.uint16):
            return numbers.astype(np.float32) / np.iinfo(numbers.dtype).max
        return ((numbers - self._lowest) / self._size).astype(np.float32)


class Crops(Dataset[Sample]):
    """Crops of pictures: (image [C, 128, 128], mask [1, 128, 128]), float32.

    With `seed` they are random, and a function of (seed, epoch, index) alone; without, they are the tiles.
    """

    def __init__(
        self, pairs: list[Pair], *, colour: bool, scale: Scale, meaning: Meaning, seed: int | None
    ) -> None:
        self._colour = colour
        self._scale = scale
        self._meaning = meaning
        self._seed = seed
        self._epoch = 0
        self._tiles = [
            (pair, row, column)
            for pair in pairs
            for row in range(math.ceil(pair.height / CROP))
            for column in range(math.ceil(pair.width / CROP))
        ]

    def set_epoch(self, epoch: int) -> None:
        """Other crops in each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._tiles)

    def __getitem__(self, index: int) -> Sample:
        pair, row, column = self._tiles[index]
        flips: tuple[int, ...] = ()
        top, left = row * CROP, column * CROP
        if self._seed is not None:
            random = np.random.default_rng((self._seed, self._epoch, index))
            top = int(random.integers(0, max(1, pair.height - CROP + 1)))
            left = int(random.integers(0, max(1, pair.width - CROP + 1)))
            flips = tuple(axis for axis in (0, 1) if random.random() < 0.5)
        image = self._scale.scaled(_window(_picture(pair.image, colour=self._colour), top, left))
        whole = _mask(pair.mask)
        part = MaskPixels(_window(whole.numbers, top, left), whole.coloured)
        mask = self._meaning.foreground(part).astype(np.float32)
        image, mask = np.flip(image, flips), np.flip(mask, flips)
        image = image.transpose(2, 0, 1) if self._colour else image[None]
        return torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(np.ascontiguousarray(mask[None]))


@lru_cache(maxsize=64)
def _picture(path: Path, *, colour: bool) -> Any:
    """The picture as an array, [H, W, 3] for colour, else [H, W], of its own number type, turned as EXIF says."""
    try:
        with Image.open(path) as opened:
            picture = upright(opened)
            if picture.mode[0] not in "IF":  # which stand for more than 8 bit
                return np.asarray(picture.convert("RGB" if colour else "L"))
            numbers = np.asarray(picture)
            return np.repeat(numbers[..., None], 3, axis=2) if colour else numbers
    except Exception as error:
        raise UsageError("image_unreadable", path=str(path), reason=str(error)) from error


@lru_cache(maxsize=64)
def _mask(path: Path) -> MaskPixels:
    try:
        return read_mask(path)
    except Exception as error:
        raise UsageError("image_unreadable", path=str(path), reason=str(error)) from error


def _window(pixels: Any, top: int, left: int) -> Any:
    """The 128×128 pixels at (top, left), reflected where the picture ends."""
    height, width = pixels.shape[:2]
    if top + CROP <= height and left + CROP <= width:
        return pixels[top : top + CROP, left : left + CROP]
    rows = _reflect(np.arange(top, top + CROP), height)
    columns = _reflect(np.arange(left, left + CROP), width)
    return pixels[rows[:, None], columns]


def _reflect(indices: Any, length: int) -> Any:
    period = max(1, 2 * length - 2)
    indices = indices % period
    return np.where(indices < length, indices, period - indices)
