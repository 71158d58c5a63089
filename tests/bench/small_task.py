"""A task whose batch takes a millisecond or two, so that what a batch costs beside the work shows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import Dataset

FEATURES = 128
SAMPLES = 400_000
Sample = tuple[Tensor, Tensor]


class Numbers(Dataset[Sample]):
    """The same random vector and its sum, again and again: loading costs next to nothing."""

    def __init__(self) -> None:
        self._x = torch.rand(FEATURES, generator=torch.Generator().manual_seed(0))
        self._y = self._x.sum().reshape(1)

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> Sample:
        return self._x, self._y


class Small:
    """A perceptron."""

    def model(self) -> nn.Module:
        """Three layers."""
        return nn.Sequential(
            nn.Linear(FEATURES, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1)
        )  # fmt: skip

    def train_data(self) -> Numbers:
        """Vectors and sums."""
        return Numbers()

    def val_data(self) -> None:
        """None."""

    def loss(self, model: nn.Module, batch: Sample) -> Tensor:
        """Squared error."""
        x, y = batch
        return mse_loss(model(x), y)
