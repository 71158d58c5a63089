"""The tasks of `training_speed` in one long epoch, whose ranks note when each of their batches begins."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch.distributed as dist
from everybatch.engine.tasks import phantoms
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, Dataset

from . import small_task

FOLDER_VARIABLE = "EVERYBATCH_BENCH_STAMPS"
REPEATS = 200
"""An epoch is longer than any measurement."""
Stamps = np.memmap[Any, np.dtype[np.float64]]


def stamps_of(folder: Path, rank: int, mode: Literal["w+", "r+"] = "r+") -> Stamps:
    """`time.monotonic()` of each batch, zero for one that has not begun; `w+` makes the file."""
    return np.memmap(folder / f"rank{rank}", mode=mode, shape=(1 << 21,), dtype=np.float64)


class _Clock:
    def __init__(self) -> None:
        self._stamps = stamps_of(Path(os.environ[FOLDER_VARIABLE]), dist.get_rank())
        self._batch = 0

    def stamp(self) -> None:
        self._stamps[self._batch] = time.monotonic()
        self._batch += 1


class Small(small_task.Small):
    """A perceptron."""

    _clock: _Clock | None = None

    def train_data(self) -> Dataset[small_task.Sample]:
        """The same again and again."""
        return ConcatDataset([small_task.Numbers()] * 4)

    def loss(self, model: nn.Module, batch: small_task.Sample) -> Tensor:
        """Squared error."""
        self._clock = self._clock or _Clock()
        self._clock.stamp()
        return super().loss(model, batch)


class Medium(phantoms.Phantoms):
    """A small U-Net."""

    _clock: _Clock | None = None

    def train_data(self) -> Dataset[phantoms.Sample]:
        """The same slices again and again."""
        return ConcatDataset([super().train_data()] * REPEATS)

    def val_data(self) -> None:  # type: ignore[override]
        """None."""

    def loss(self, model: nn.Module, batch: phantoms.Sample) -> Tensor:
        """Dice and cross-entropy."""
        self._clock = self._clock or _Clock()
        self._clock.stamp()
        return super().loss(model, batch)
