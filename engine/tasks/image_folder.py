"""A folder of pictures and masks: segment the foreground.

``--data DIR`` holds ``images/`` and ``masks/`` with files of the same name (the suffix may differ), PNG, JPEG or
TIFF (first page), 8 or 16 bit, grey or colour; a picture and its mask have the same size. In a mask, anything
above half of white is foreground; a mask of small numbers (classes 0, 1, 2 …) counts every class above 0.

Every fifth pair, by name, is kept for validation. Training takes random 128×128 crops with random flips, as many
of a picture in an epoch as would tile it; validation takes the tiles themselves. Smaller pictures are padded by
reflection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from ...errors import UsageError
from ..config import TrainConfig
from .segmentation import dice_bce_loss, dice_score
from .unet import UNet

CROP = 128
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
VALIDATE_EVERY = 5

Sample = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Pair:
    """A picture and its mask."""

    image: Path
    mask: Path
    width: int
    height: int

    @property
    def tiles(self) -> tuple[int, int]:
        """Rows and columns of crops that cover the picture."""
        return math.ceil(self.height / CROP), math.ceil(self.width / CROP)


def find_pairs(folder: Path) -> list[Pair]:
    """The pairs of `folder`, sorted by name; raises `UsageError` for what is missing, unreadable or unequal."""
    images, masks = _pictures(folder / "images"), _pictures(folder / "masks")
    if not images:
        raise UsageError("data_empty", path=str(folder / "images"))
    missing = [path.name for stem, path in images.items() if stem not in masks]
    if missing:
        names = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
        raise UsageError("masks_missing", count=len(missing), path=str(folder / "masks"), names=names)
    pairs = [_checked(path, masks[stem]) for stem, path in images.items()]
    if len(pairs) < 2:
        raise UsageError("too_small", count=len(pairs))
    return pairs


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError("data_missing", path=str(folder))
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}


def _checked(image: Path, mask: Path) -> Pair:
    image_size, mask_size = _size(image), _size(mask)
    if image_size != mask_size:
        raise UsageError(
            "sizes_differ",
            image=str(image),
            image_size="×".join(map(str, image_size)),
            mask_size="×".join(map(str, mask_size)),
        )
    return Pair(image, mask, *image_size)


def _size(path: Path) -> tuple[int, int]:
    """Width and height from the header, with the format's own check of the rest (PNG: all checksums)."""
    try:
        with Image.open(path) as picture:
            size = picture.size
            picture.verify()
    except Exception as error:
        raise UsageError("image_unreadable", path=str(path), reason=str(error)) from error
    return size


@lru_cache(maxsize=64)
def _pixels(path: Path, kind: Literal["grey", "colour", "mask"]) -> Any:
    """The picture as an array, [H, W, 3] for colour, else [H, W], of its own number type."""
    try:
        with Image.open(path) as picture:
            if kind == "colour":
                return np.asarray(picture.convert("RGB"))
            # 16 and 32 bit stay as they are; the numbers of a palette mask are its classes
            as_is = picture.mode[0] in "IF" or (kind == "mask" and picture.mode == "P")
            return np.asarray(picture if as_is else picture.convert("L"))
    except Exception as error:
        raise UsageError("image_unreadable", path=str(path), reason=str(error)) from error


def _scaled(pixels: Any) -> Any:
    """Pixels as float32 from 0 to 1; numbers without a fixed range by their own."""
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    low, high = float(pixels.min()), float(pixels.max())
    return ((pixels - low) / ((high - low) or 1)).astype(np.float32)


class Crops(Dataset[Sample]):
    """Crops of pictures: (image [C, 128, 128], mask [1, 128, 128]), float32.

    With `seed` they are random, and a function of (seed, epoch, index) alone; without, they are the tiles.
    """

    def __init__(self, pairs: list[Pair], *, colour: bool, threshold: float, seed: int | None) -> None:
        self._colour = colour
        self._threshold = threshold
        self._seed = seed
        self._epoch = 0
        self._tiles = [
            (pair, row, column) for pair in pairs for row in range(pair.tiles[0]) for column in range(pair.tiles[1])
        ]

    def set_epoch(self, epoch: int) -> None:
        """Other crops in each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._tiles)

    def __getitem__(self, index: int) -> Sample:
        pair, row, column = self._tiles[index]
        image = _scaled(_pixels(pair.image, "colour" if self._colour else "grey"))
        mask = (_pixels(pair.mask, "mask") > self._threshold).astype(np.float32)
        if self._seed is None:
            top, left = row * CROP, column * CROP
            image, mask = _window(image, top, left), _window(mask, top, left)
        else:
            random = np.random.default_rng((self._seed, self._epoch, index))
            top = int(random.integers(0, max(1, pair.height - CROP + 1)))
            left = int(random.integers(0, max(1, pair.width - CROP + 1)))
            image, mask = _window(image, top, left), _window(mask, top, left)
            for axis in (0, 1):
                if random.random() < 0.5:
                    image, mask = np.flip(image, axis), np.flip(mask, axis)
        image = image.transpose(2, 0, 1) if self._colour else image[None]
        return torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(np.ascontiguousarray(mask[None]))


def _window(pixels: Any, top: int, left: int) -> Any:
    """The 128×128 pixels at (top, left), reflected where the picture ends."""
    height, width = pixels.shape[:2]
    rows = _reflect(np.arange(top, top + CROP), height)
    columns = _reflect(np.arange(left, left + CROP), width)
    return pixels[rows[:, None], columns]


def _reflect(indices: Any, length: int) -> Any:
    period = max(1, 2 * length - 2)
    indices = indices % period
    return np.where(indices < length, indices, period - indices)


class ImageFolder:
    """Segment the foreground of the pictures in ``--data`` with a small U-Net."""

    metric_names = ("dice",)

    def __init__(self, config: TrainConfig) -> None:
        if config.data is None:
            raise UsageError("data_needed")
        pairs = find_pairs(config.data)
        every = min(VALIDATE_EVERY, len(pairs))
        self._val_pairs = pairs[every - 1 :: every]
        self._train_pairs = [pair for pair in pairs if pair not in self._val_pairs]
        self._seed = config.seed
        self._colour = _is_colour(pairs[0].image)
        self._threshold = _foreground_threshold(pairs)

    def model(self) -> nn.Module:
        """A U-Net for grey or colour pictures, as the first one is."""
        return UNet(channels=3 if self._colour else 1)

    def train_data(self) -> Dataset[Sample]:
        """Random crops."""
        return Crops(self._train_pairs, colour=self._colour, threshold=self._threshold, seed=self._seed)

    def val_data(self) -> Dataset[Sample]:
        """The tiles of every fifth picture."""
        return Crops(self._val_pairs, colour=self._colour, threshold=self._threshold, seed=None)

    def loss(self, model: nn.Module, batch: Sample) -> Tensor:
        """Dice and cross-entropy."""
        images, masks = batch
        return dice_bce_loss(model(images), masks)

    def metrics(self, model: nn.Module, batch: Sample) -> dict[str, Tensor]:
        """The Dice score."""
        images, masks = batch
        return {"dice": dice_score(model(images), masks)}


def _is_colour(path: Path) -> bool:
    with Image.open(path) as picture:
        return picture.mode in ("RGB", "RGBA", "CMYK", "YCbCr", "P")


def _foreground_threshold(pairs: list[Pair]) -> float:
    """Half of white for masks that use the whole range; 0 for masks of class numbers."""
    largest = max(float(_pixels(pair.mask, "mask").max()) for pair in pairs[:16])
    if largest <= 32:
        return 0.0
    return 127.5 if largest <= 255 else largest / 2
