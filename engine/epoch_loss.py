"""The mean training loss of one rank's epoch, summed up on the device without a sync."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

HELD = 64
"""Losses that are summed up at a time: an operation on the device for every batch costs more than all reporting."""


class EpochLoss:
    """Loss times samples, and samples, of the batches so far."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(2, dtype=torch.float64, device=device)
        self._losses: list[Tensor] = []
        self._samples: list[int] = []

    def reset(self, sums: Sequence[float] | Tensor = (0.0, 0.0)) -> None:
        """Begin an epoch, or go on with one whose `sums` these were."""
        self._losses.clear()
        self._samples.clear()
        self._sums.copy_(torch.as_tensor(sums))

    def add(self, loss: Tensor, samples: int) -> None:
        """One batch: its mean loss, a detached tensor of one element on the device, and how many samples it had."""
        self._losses.append(loss)
        self._samples.append(samples)
        if len(self._losses) == HELD:
            self._sum_up()

    def sums(self) -> Tensor:
        """Loss times samples, and samples: [2], float64, on the device."""
        if self._losses:
            self._sum_up()
        return self._sums

    def _sum_up(self) -> None:
        losses = torch.stack(self._losses).double().flatten()
        weights = torch.tensor(self._samples, dtype=torch.float64, device=losses.device)
        self._sums += torch.stack([torch.dot(losses, weights), weights.sum()])
        self._losses.clear()
        self._samples.clear()
