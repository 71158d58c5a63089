"""Crops of pictures and their masks, as training and validation take them."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .checked_pairs import Pair
from .mask_facts import MaskFacts
from .mask_pixels import MaskPixels
from .meaning import Meaning
from .scale import Scale
from .scan import Pictures

CROP = 128
AIMED = 1 / 3
"""Of the crops, where they are aimed (Isensee et al., nnU-Net, 2021, doi:10.1038/s41592-020-01008-z)."""
RARE = 0.05
"""A share of the foreground below which crops are aimed at it."""

Sample = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Place:
    """Where a crop is."""

    slice: int
    top: int
    left: int


class Crops(Dataset[Sample]):
    """Crops of pictures: image [C, 128, 128] float32, and mask.

    The mask is [1, 128, 128] float32 of 0 and 1 where there is foreground and background alone, otherwise
    [128, 128] int64 with the number of a class, or -1 for a pixel that belongs to nothing.

    With `seed` they are random, and a function of (seed, epoch, index) alone; without, they are the tiles. Where
    there are several classes, or little foreground, a third of the random ones holds a pixel of a class of the
    picture, each class as often.
    """

    def __init__(
        self,
        pictures: Pictures,
        pairs: Sequence[Pair],
        *,
        channels: int,
        scale: Scale,
        meaning: Meaning,
        seed: int | None,
    ) -> None:
        self._pictures = pictures
        self._pairs = pairs
        self._channels = channels
        self._scale = scale
        self._meaning = meaning
        self._seed = seed
        self._epoch = 0
        self._aims = seed is not None and (not meaning.binary or meaning.share < RARE)
        self._ends = list(itertools.accumulate(_tiles(pair.header.shape) for pair in pairs))
        """Number of the sample behind the last one of each pair."""
        self._targets: dict[int, list[Any]] = {}
        """Of the pairs that a crop was aimed in."""

    def set_epoch(self, epoch: int) -> None:
        """Other crops in each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def pair_of(self, index: int) -> Pair:
        """Of which pair a sample is."""
        return self._pairs[bisect_right(self._ends, index)]

    def __getitem__(self, index: int) -> Sample:
        pair = self.pair_of(index)
        place = self._tile(pair, index)
        flips: tuple[int, ...] = ()
        if self._seed is not None:
            _, height, width = pair.header.shape
            random = np.random.default_rng((self._seed, self._epoch, index))
            top = int(random.integers(0, max(1, height - CROP + 1)))
            left = int(random.integers(0, max(1, width - CROP + 1)))
            flips = tuple(axis for axis in (-2, -1) if random.random() < 0.5)
            place = Place(place.slice, top, left)
            if self._aims and random.random() < AIMED:
                place = self._aimed(bisect_right(self._ends, index), random) or place
        image = np.concatenate([self._channel(pair, number, place) for number in range(len(pair.files.images))])
        mask = self._mask(pair, place)
        return _tensor(np.flip(image, flips)), _tensor(np.flip(mask, flips))

    def _tile(self, pair: Pair, index: int) -> Place:
        _, height, width = pair.header.shape
        columns = math.ceil(width / CROP)
        number = index - (self._ends[bisect_right(self._ends, index)] - _tiles(pair.header.shape))
        rest, column = divmod(number, columns)
        slice_, row = divmod(rest, math.ceil(height / CROP))
        return Place(slice_, row * CROP, column * CROP)

    def _aimed(self, number: int, random: np.random.Generator) -> Place | None:
        """A crop of pair `number` that holds a pixel of a class; None where the picture has none."""
        pair = self._pairs[number]
        if number not in self._targets:
            self._targets[number] = _targets(self._meaning, pair.mask)
        targets = self._targets[number]
        if not targets:
            return None
        pixels = targets[random.integers(len(targets))]
        pixel = int(pixels[random.integers(len(pixels))])
        _, height, width = pair.header.shape
        rest, column = divmod(pixel, width)
        slice_, row = divmod(rest, height)
        top = row - int(random.integers(CROP))
        left = column - int(random.integers(CROP))
        return Place(slice_, min(max(0, top), max(0, height - CROP)), min(max(0, left), max(0, width - CROP)))

    def _channel(self, pair: Pair, number: int, place: Place) -> Any:
        """The numbers of one file, [C, 128, 128] float32."""
        pixels = self._pictures.pixels(pair.files.images[number])
        window = self._scale.scaled(_window(pixels[place.slice], place.top, place.left))
        if window.ndim == 3:
            return window.transpose(2, 0, 1)
        return np.repeat(window[None], self._channels if len(pair.files.images) == 1 else 1, axis=0)

    def _mask(self, pair: Pair, place: Place) -> Any:
        numbers = self._pictures.mask_numbers(pair.files.masks, pair.header)
        window = _window(numbers[place.slice], place.top, place.left)
        labels = self._meaning.labels(MaskPixels(window, pair.mask.coloured))
        return labels[None].astype(np.float32) if self._meaning.binary else labels


def _tiles(shape: tuple[int, int, int]) -> int:
    slices, height, width = shape
    return slices * math.ceil(height / CROP) * math.ceil(width / CROP)


def _targets(meaning: Meaning, facts: MaskFacts) -> list[Any]:
    """Pixels of each class of a mask but the background, as far as their places are known."""
    if len(facts.places) != len(facts.values):  # all above the lowest value
        return [facts.places_of(0)] if facts.places[0] else []
    found: dict[int, list[Any]] = {}
    for number, value in enumerate(facts.values):
        label = meaning.label_of(value, coloured=facts.coloured)
        if label > 0 and facts.places[number]:
            found.setdefault(label, []).append(facts.places_of(number))
    return [np.concatenate(parts) for _, parts in sorted(found.items())]


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _window(pixels: Any, top: int, left: int) -> Any:
    """The 128×128 pixels at (top, left), reflected where the picture ends."""
    height, width = pixels.shape[:2]
    if top + CROP <= height and left + CROP <= width:
        return np.array(pixels[top : top + CROP, left : left + CROP])
    rows = reflect(np.arange(top, top + CROP), height)
    columns = reflect(np.arange(left, left + CROP), width)
    return np.array(pixels[rows[:, None], columns])


def reflect(indices: Any, length: int) -> Any:
    """Indices along a side of that length, those beyond it turned back."""
    period = max(1, 2 * length - 2)
    indices = indices % period
    return np.where(indices < length, indices, period - indices)
