"""Data loaders of one rank, and what is done to a batch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sized
from itertools import islice
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler, default_collate

from .batch_transport import PackedBatch
from .config import TrainConfig
from .loader_worker import begin_worker
from .random_state import seed_of
from .samples import Collate, SampleError, Samples, UnreadableBatch

QUIET_SECONDS = 0.02
"""Before worker processes are forked. A gloo thread that lets go of a tensor of Python holds, for a moment, a lock
that CPython 3.11 waits for in a forked process: one forked in that moment would wait for ever."""


class TrainData:
    """The training batches of one rank; an epoch is a function of (seed, epoch, rank) alone."""

    def __init__(self, dataset: Dataset[Any], config: TrainConfig, rank: int, world_size: int) -> None:
        self._dataset = dataset
        self._seed = config.seed
        self._rank = rank
        self._batch_size = config.batch_size
        self._sampler = _Resumable(dataset, num_replicas=world_size, rank=rank, seed=config.seed)
        self._samples = Samples(dataset)
        self._workers = config.workers
        self._generator = torch.Generator()
        self._loader = _loader("train_data", self._samples, self._sampler, config, self._generator)
        self._batches = len(self._loader)

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self._batches

    def epoch(self, epoch: int, first_batch: int = 0) -> DataLoader[Any]:
        """The batches of an epoch, in its order, from `first_batch` on; those before it are not even loaded."""
        self._sampler.set_epoch(epoch)
        self._sampler.skip = first_batch * self._batch_size
        seed = seed_of(self._seed, epoch, self._rank)
        self._generator.manual_seed(seed)  # seeds the loader's worker processes
        if self._workers:  # else the rank's own generators go on, and are in the checkpoint
            self._samples.seed = seed
        if hasattr(self._dataset, "set_epoch"):
            self._dataset.set_epoch(epoch)
        return self._loader


class ValData:
    """The rank's share of the validation data: every sample once over all ranks, no padding."""

    def __init__(self, dataset: Dataset[Any], config: TrainConfig, rank: int, world_size: int) -> None:
        samples = len(cast(Sized, dataset))
        share = range(rank, samples, world_size)
        largest_share = math.ceil(samples / world_size)
        self.batches = math.ceil(largest_share / config.batch_size)
        """Of the rank that has most: all ranks count so far, to check for commands equally often."""
        self._seed = config.seed
        self._rank = rank
        self._generator = torch.Generator()
        self._loader = _loader("val_data", Samples(dataset), _Share(share), config, self._generator)

    def epoch(self, epoch: int) -> DataLoader[Any]:
        """All batches of the rank's share."""
        self._generator.manual_seed(seed_of(self._seed, epoch, self._rank))
        return self._loader


class _Resumable(DistributedSampler[Any]):
    """Leaves out the first `skip` samples of an epoch."""

    skip = 0

    def __iter__(self) -> Iterator[Any]:
        return islice(super().__iter__(), self.skip, None)

    def __len__(self) -> int:
        return super().__len__() - self.skip


class _Share(Sampler[int]):
    def __init__(self, indices: range) -> None:
        self._indices = indices

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


class _Loader(DataLoader[Any]):
    """Forks its workers, if any, when the rank is quiet; raises `SampleError` for a batch that cannot be loaded."""

    def __init__(self, name: str, *args: Any, **options: Any) -> None:
        """`name` is that of the task's method whose data it loads."""
        super().__init__(*args, **options)
        self._name = name

    def __iter__(self) -> Any:
        if self.num_workers:
            time.sleep(QUIET_SECONDS)
        return self._checked(super().__iter__())

    def _checked(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            if type(batch) is UnreadableBatch:
                raise SampleError(f"{self._name}()", batch)
            yield batch.unpacked() if type(batch) is PackedBatch else batch


def _loader(
    name: str, samples: Samples, sampler: Sampler[Any], config: TrainConfig, generator: torch.Generator
) -> DataLoader[Any]:
    return _Loader(
        name,
        samples,
        batch_size=config.batch_size,
        sampler=sampler,
        num_workers=config.workers,
        collate_fn=Collate(default_collate),
        pin_memory=torch.cuda.is_available() and config.device != "cpu",
        worker_init_fn=begin_worker,
        generator=generator,
    )


def to_device(batch: Any, device: torch.device) -> Any:
    """Tensors of a batch, however nested in tuples, lists and dicts, on `device`."""
    if isinstance(batch, Mapping):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(value, device) for value in batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    if hasattr(batch, "to"):
        return batch.to(device, non_blocking=True)
    return batch


def count_samples(batch: Any) -> int | None:
    """Samples in a batch: the first dimension of its first tensor; None if it holds none."""
    if isinstance(batch, (list, tuple)):
        for value in batch:
            samples = len(value) if isinstance(value, Tensor) and value.ndim else count_samples(value)
            if samples is not None:
                return samples
    elif isinstance(batch, Tensor):
        return len(batch) if batch.ndim else None
    elif isinstance(batch, Mapping):  # asked last, as it is slow to say no
        return count_samples(list(batch.values()))
    return None
