"""Two tasks whose ranks note when each batch begins, and can train a plain loop in turns with everybatch's.

The dataset itself trains a plain turn, when everybatch's loop asks it for the next batch: the same processes,
model, optimizer and data, and nothing of everybatch. Rank 0 also stops what runs beside the ranks, once it has had
the time to do what the turn before has left to it, and lets it go on at the end of the turn.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from everybatch.engine.tasks import phantoms
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, DistributedSampler

from . import small_task

FOLDER_VARIABLE = "EVERYBATCH_BENCH_STAMPS"
REPEATS = 200
"""An epoch is longer than any measurement."""
BATCH_SIZE = 4
SETTLE_SECONDS = 0.12
"""The sending threads and the recorder need so long for the last batch of a turn."""
TURN, FIRST, AGAIN, BESIDE = range(4)
"""In `orders_of`: batches in a turn, 0 for no turns; the batch before which the first plain turn comes; how many
more pairs of plain turns come right after that; from here on, processes to stop in plain turns, 0 for none."""
Stamps = np.memmap[Any, np.dtype[np.float64]]
Orders = np.memmap[Any, np.dtype[np.int64]]
Mode = Literal["w+", "r+"]


def stamps_of(folder: Path, rank: int, mode: Mode = "r+") -> Stamps:
    """`time.monotonic()` of each batch, below 0 for a plain one, 0 if it has not begun; `w+` makes the file."""
    return np.memmap(folder / f"rank{rank}", mode=mode, shape=(1 << 21,), dtype=np.float64)


def orders_of(folder: Path, mode: Mode = "r+") -> Orders:
    """What the benchmark tells the ranks; `w+` makes the file."""
    return np.memmap(folder / "orders", mode=mode, shape=(BESIDE + 16,), dtype=np.int64)


class _Turns(Dataset[Any]):
    """The data of a task; trains plain turns when they are due."""

    def __init__(self, task: Any, data: Dataset[Any]) -> None:
        self.optimizer: torch.optim.Optimizer
        self._task = task
        self._data = data
        self._folder = Path(os.environ[FOLDER_VARIABLE])
        self._orders = orders_of(self._folder)
        self._stamps: Stamps | None = None
        self._stamped = self._batch = 0
        self._sign = self._counts = 1

    def __len__(self) -> int:
        return len(self._data)  # type: ignore[arg-type]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """A batch, of either loop."""
        turn, first = int(self._orders[TURN]), int(self._orders[FIRST])
        if turn and self._counts and self._batch >= first and (self._batch - first) % turn == 0:
            self._counts = 0
            self._train(turn, sign=-1)
            for _ in range(self._orders[AGAIN] if self._batch == first else 0):
                self._train(turn, sign=1)
                self._train(turn, sign=-1)
            self._sign = self._counts = 1
        self._batch += self._counts
        return [self._data[index] for index in indices]

    def stamp(self, ddp: nn.Module) -> None:
        """A batch begins."""
        if self._stamps is None:
            self._stamps = stamps_of(self._folder, dist.get_rank())
            self._ddp = ddp
            self._plain_batches = self._epochs()
        self._stamps[self._stamped] = self._sign * time.monotonic()
        self._stamped += 1

    def _epochs(self) -> Iterator[Any]:
        loader = DataLoader(self, batch_size=BATCH_SIZE, sampler=DistributedSampler(self))
        while True:
            yield from loader

    def _train(self, turn: int, sign: int) -> None:
        """A turn of the plain loop."""
        self._sign = sign
        stop_at = time.monotonic() + SETTLE_SECONDS if dist.get_rank() == 0 else float("inf")
        stopped: list[int] = []
        for _ in range(turn):
            batch = next(self._plain_batches)
            self.optimizer.zero_grad()
            loss = self._task.loss(self._ddp, batch)
            loss.backward()
            self.optimizer.step()
            if time.monotonic() > stop_at:
                stop_at = float("inf")
                stopped = [int(pid) for pid in self._orders[BESIDE:] if pid]
                for pid in stopped:
                    os.kill(pid, signal.SIGSTOP)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


class Small(small_task.Small):
    """A perceptron."""

    def train_data(self) -> Dataset[Any]:
        """The same again and again."""
        self._turns = _Turns(self, ConcatDataset([super().train_data()] * 4))
        return self._turns

    def optimizer(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        """For both loops."""
        self._turns.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        return self._turns.optimizer

    def loss(self, model: nn.Module, batch: small_task.Sample) -> Tensor:
        """Squared error."""
        self._turns.stamp(model)
        return super().loss(model, batch)


class Medium(phantoms.Phantoms):
    """A small U-Net."""

    def train_data(self) -> Dataset[Any]:
        """The same slices again and again."""
        self._turns = _Turns(self, ConcatDataset([super().train_data()] * REPEATS))
        return self._turns

    def val_data(self) -> None:  # type: ignore[override]
        """None."""

    def optimizer(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        """For both loops."""
        self._turns.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        return self._turns.optimizer

    def loss(self, model: nn.Module, batch: phantoms.Sample) -> Tensor:
        """Dice and cross-entropy."""
        self._turns.stamp(model)
        return super().loss(model, batch)
