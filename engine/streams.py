"""Batches of an `IterableDataset`, which has no indices and often no length."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, IterableDataset

from ..metrics.records import UNKNOWN
from .config import TrainConfig
from .data import make_loader
from .own_random import OwnRandom
from .random_state import seed_of
from .task_options import TaskOptions

_ENDED = object()


def is_stream(dataset: Any) -> bool:
    """Whether `dataset` has no indices."""
    return isinstance(dataset, IterableDataset)


def shares_itself(dataset: Any) -> bool:
    """Whether each rank and each loader process gets its own part from `dataset` itself."""
    return bool(getattr(dataset, "sharded", False))


def samples_of(dataset: Any, rank: int, world_size: int) -> int | None:
    """Samples of an epoch on `rank`; None if that is not known."""
    if not isinstance(dataset, Sized):
        return None
    try:
        samples = len(dataset)
    except (TypeError, NotImplementedError):  # a length of a dataset that it wraps, and that has none
        return None
    return samples if shares_itself(dataset) else len(range(rank, samples, world_size))


class TrainStream:
    """The training batches of one rank."""

    def __init__(
        self,
        dataset: Any,
        config: TrainConfig,
        rank: int,
        world_size: int,
        options: TaskOptions,
        group: dist.ProcessGroup | None,
        *,
        drop_last: bool,
    ) -> None:
        """`group` is a gloo group of all ranks, None for a single one."""
        self._stream = _Stream(
            "train_data", dataset, config, rank, world_size, options, config.batch_size, drop_last=drop_last
        )
        self._group = group
        self.batches = UNKNOWN
        """Of a whole epoch: by the dataset's length, else as many as the epoch before had."""
        samples = samples_of(dataset, rank, world_size)
        # Each loader process ends with a batch of its own, so that only one of them gives a number that is known.
        if samples is not None and self._stream.workers <= 1:
            self.batches = samples // config.batch_size if drop_last else math.ceil(samples / config.batch_size)
        self._most = self.batches

    def agree_on_length(self, batches: int) -> None:
        """All ranks count on so many batches: those of the rank that has the fewest."""
        self.batches = self._most = batches

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Any]:
        """The batches of an epoch from `first_batch` on, while every rank has one; those before it are read."""
        most = None if self._most == UNKNOWN else self._most
        return _in_step(islice(self._stream.read(epoch), first_batch, most), self._group)


class ValStream:
    """The rank's share of the validation data."""

    def __init__(
        self,
        dataset: Any,
        config: TrainConfig,
        rank: int,
        world_size: int,
        options: TaskOptions,
        group: dist.ProcessGroup | None,
    ) -> None:
        self.batch_size = options.val_batch_size or config.batch_size
        self.batches = UNKNOWN
        """Of the rank that has most, in the epoch before."""
        self._stream = _Stream(
            "val_data", dataset, config, rank, world_size, options, self.batch_size, drop_last=False
        )
        self._group = group

    def epoch(self, epoch: int) -> Iterator[Any]:
        """All batches of the rank's share."""
        return self._stream.read(epoch)

    def more(self, done: int, *, has_one: bool) -> bool:
        """Whether a rank has another batch when each has done so many; all ranks must ask."""
        more = _any(has_one, self._group)
        if not more:
            self.batches = done
        return more


class _Stream:
    """Reads a dataset from its beginning, in batches."""

    def __init__(
        self,
        name: str,
        dataset: Any,
        config: TrainConfig,
        rank: int,
        world_size: int,
        options: TaskOptions,
        batch_size: int,
        *,
        drop_last: bool,
    ) -> None:
        self._dataset = dataset
        self._seeds = (config.seed, rank) if shares_itself(dataset) else (config.seed,)
        self._generator = torch.Generator()
        # Samples that are shared out by counting are counted in one process.
        self.workers = config.workers if shares_itself(dataset) else min(config.workers, 1)
        self._loader: DataLoader[Any] = make_loader(
            name,
            dataset if shares_itself(dataset) else _EveryNth(dataset, rank, world_size),
            config,
            self._generator,
            batch_size=batch_size,
            workers=self.workers,
            collate_fn=options.collate_fn,
            drop_last=drop_last,
        )

    def read(self, epoch: int) -> Iterator[Any]:
        if hasattr(self._dataset, "set_epoch"):
            self._dataset.set_epoch(epoch)
        seed = seed_of(*self._seeds, epoch)
        self._generator.manual_seed(seed)
        # Read again, it must give the same, whatever the training draws in between.
        own: AbstractContextManager[None] = OwnRandom(seed) if self.workers == 0 else nullcontext()
        with own:
            batches = iter(self._loader)
        while True:
            with own:
                batch = next(batches, _ENDED)
            if batch is _ENDED:
                return
            yield batch


class _EveryNth(IterableDataset[Any]):
    """The rank's samples of a dataset that knows no ranks."""

    def __init__(self, dataset: Any, rank: int, world_size: int) -> None:
        self._dataset = dataset
        self._rank = rank
        self._world_size = world_size

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self._dataset), self._rank, None, self._world_size)


def _in_step(batches: Iterator[Any], group: dist.ProcessGroup | None) -> Iterator[Any]:
    """`batches` as long as every rank has one."""
    if group is None:
        yield from batches
        return
    for batch in batches:
        if not _all(True, group):
            return
        yield batch
    _all(False, group)


def _all(own: bool, group: dist.ProcessGroup) -> bool:
    word = torch.tensor(int(own))
    dist.all_reduce(word, op=dist.ReduceOp.MIN, group=group)
    return bool(word)


def _any(own: bool, group: dist.ProcessGroup | None) -> bool:
    if group is None:
        return own
    word = torch.tensor(int(own))
    dist.all_reduce(word, op=dist.ReduceOp.MAX, group=group)
    return bool(word)
