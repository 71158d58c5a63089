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
        self._weighted = torch.zeros((), dtype=torch.float64, device=device)
        self._samples = 0
        self._losses: list[Tensor] = []
        """Not summed up yet, each the mean of `_samples_each`."""
        self._samples_each = 0

    def reset(self, sums: Sequence[float] | Tensor = (0.0, 0.0)) -> None:
        """Begin an epoch, or go on with one whose `sums` these were."""
        weighted, samples = sums
        self._weighted.fill_(float(weighted))
        self._samples = int(samples)
        self._losses.clear()

    def add(self, loss: Tensor, samples: int) -> None:
        """One batch: its mean loss, a detached tensor of one element on the device, and how many samples it had."""
        if samples != self._samples_each or len(self._losses) == HELD:
            self._sum_up()
            self._samples_each = samples
        self._losses.append(loss)
        self._samples += samples

    def sums(self) -> Tensor:
        """Loss times samples, and samples: [2], float64, on the CPU. Waits for the GPU."""
        self._sum_up()
        return torch.tensor([self._weighted.item(), self._samples], dtype=torch.float64)

    def _sum_up(self) -> None:
        if self._losses:
            total = torch.stack(self._losses).sum(dtype=torch.float64)
            self._weighted.add_(total, alpha=self._samples_each)  # a number: a tensor of weights would be a sync
            self._losses.clear()
