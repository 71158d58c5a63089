"""The embedded default task: find the lesions in synthetic slices. Nothing to download, sized for a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..config import TrainConfig
from .segmentation import dice_bce_loss, dice_score
from .unet import UNet

SIZE = 64
TRAIN_SLICES = 1368
"""Two ranks with batches of 4 make the guide's 171 batches an epoch of this."""
VAL_SLICES = 160

Sample = tuple[Tensor, Tensor]


class PhantomSlices(Dataset[Sample]):
    """Slices with a body, organs and one to three bright lesions; slice i of a seed is always the same.

    An item is (image [1, 64, 64], mask [1, 64, 64]), float32.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed
        axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
        self._y, self._x = axis[:, None], axis[None, :]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        random = np.random.default_rng((self._seed, index))
        body_width, body_height = random.uniform(0.75, 0.9), random.uniform(0.6, 0.8)
        image = 0.45 * self._ellipse(0, 0, body_width, body_height, random.uniform(0, np.pi))
        for _ in range(4):
            distance, angle = random.uniform(0.1, 0.45), random.uniform(0, 2 * np.pi)
            image += random.uniform(-0.15, 0.15) * self._ellipse(
                distance * np.cos(angle),
                distance * np.sin(angle),
                random.uniform(0.1, 0.3),
                random.uniform(0.1, 0.3),
                random.uniform(0, np.pi),
            )
        mask = np.zeros((SIZE, SIZE), np.float32)
        for _ in range(random.integers(1, 4)):
            distance, angle = random.uniform(0, 0.5), random.uniform(0, 2 * np.pi)
            lesion = self._ellipse(
                distance * np.cos(angle),
                distance * np.sin(angle),
                random.uniform(0.12, 0.3),
                random.uniform(0.12, 0.3),
                random.uniform(0, np.pi),
            )
            image += random.uniform(0.2, 0.4) * lesion
            mask = np.maximum(mask, (lesion > 0.5).astype(np.float32))
        image += random.normal(0, 0.08, (SIZE, SIZE)).astype(np.float32)
        return torch.from_numpy(image.astype(np.float32)[None]), torch.from_numpy(mask[None])

    def _ellipse(self, x: float, y: float, width: float, height: float, angle: float) -> Any:
        """An ellipse with soft edges: 1 inside, 0 outside."""
        dx, dy = self._x - x, self._y - y
        u = (dx * np.cos(angle) + dy * np.sin(angle)) / width
        v = (dy * np.cos(angle) - dx * np.sin(angle)) / height
        return np.clip((1 - np.sqrt(u * u + v * v)) * 8 + 0.5, 0, 1)


class Phantoms:
    """Segment the lesions of `PhantomSlices` with a small U-Net."""

    metric_names = ("dice",)

    def __init__(self, config: TrainConfig) -> None:
        self._seed = config.seed

    def model(self) -> nn.Module:
        """A U-Net of about 30,000 weights."""
        return UNet()

    def train_data(self) -> Dataset[Sample]:
        """1,368 slices."""
        return PhantomSlices(TRAIN_SLICES, seed=2 * self._seed)

    def val_data(self) -> Dataset[Sample]:
        """160 other slices."""
        return PhantomSlices(VAL_SLICES, seed=2 * self._seed + 1)

    def loss(self, model: nn.Module, batch: Sample) -> Tensor:
        """Dice and cross-entropy."""
        images, masks = batch
        return dice_bce_loss(model(images), masks)

    def metrics(self, model: nn.Module, batch: Sample) -> dict[str, tuple[Tensor, Tensor]]:
        """The Dice score of the samples that have foreground, in truth or as found."""
        images, masks = batch
        return {"dice": dice_score(model(images), masks)}
