"""Data loaders of one rank, and what is done to a batch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sized
from itertools import islice
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler, default_collate

from ..errors import UsageError
from .batch_transport import PackedBatch
from .config import TrainConfig
from .loader_worker import begin_worker
from .own_random import OwnRandom
from .random_state import seed_of
from .samples import Collate, SampleError, Samples, UnreadableBatch
from .task_options import Function, TaskOptions

QUIET_SECONDS = 0.02
"""Before worker processes are forked. A gloo thread that lets go of a tensor of Python holds, for a moment, a lock
that CPython 3.11 waits for in a forked process: one forked in that moment would wait for ever."""


class TrainData:
    """The training batches of one rank; an epoch is a function of (seed, epoch, rank) alone."""

    def __init__(
        self,
        dataset: Dataset[Any],
        config: TrainConfig,
        rank: int,
        world_size: int,
        options: TaskOptions | None = None,
        *,
        drop_last: bool = False,
    ) -> None:
        """Raises `UsageError` when the task's own sampler cannot be used."""
        own = options.sampler if options is not None else None
        self._seed = config.seed
        self._rank = rank
        self._batch_size = config.batch_size
        self._sampler = (
            _Resumable(dataset, num_replicas=world_size, rank=rank, seed=config.seed)
            if own is None
            else _OwnSampler(own(dataset, rank, world_size, config.seed), config.seed, rank)
        )
        self.samples = len(self._sampler)
        """Of a whole epoch, on this rank."""
        persistent = options is not None and options.persistent_workers and config.workers > 0
        self._samples = Samples(dataset, shared=persistent)
        self._workers = config.workers
        self._generator = torch.Generator()
        self._loader = make_loader(
            "train_data",
            self._samples,
            config,
            self._generator,
            sampler=self._sampler,
            batch_size=config.batch_size,
            workers=config.workers,
            collate_fn=options.collate_fn if options is not None else None,
            drop_last=drop_last,
            persistent=persistent,
        )
        self.batches = len(self._loader)
        """Of a whole epoch."""

    def __len__(self) -> int:
        return self.batches

    def epoch(self, epoch: int, first_batch: int = 0) -> DataLoader[Any]:
        """The batches of an epoch, in its order, from `first_batch` on; those before it are not even loaded."""
        self._sampler.set_epoch(epoch)
        self._sampler.skip = first_batch * self._batch_size
        seed = seed_of(self._seed, epoch, self._rank)
        self._generator.manual_seed(seed)  # seeds the loader's worker processes
        # Without workers the rank's own generators go on, and are in the checkpoint.
        self._samples.begin(epoch, seed if self._workers else None)
        return self._loader


class ValData:
    """The rank's share of the validation data: every sample once over all ranks, no padding."""

    def __init__(
        self,
        dataset: Dataset[Any],
        config: TrainConfig,
        rank: int,
        world_size: int,
        options: TaskOptions | None = None,
    ) -> None:
        samples = len(cast(Sized, dataset))
        share = range(rank, samples, world_size)
        largest_share = math.ceil(samples / world_size)
        self.batch_size = (options and options.val_batch_size) or config.batch_size
        self.batches = math.ceil(largest_share / self.batch_size)
        """Of the rank that has most: all ranks count so far, to check for commands equally often."""
        self._seed = config.seed
        self._rank = rank
        self._generator = torch.Generator()
        self._persistent = options is not None and options.persistent_workers and config.workers > 0
        self._samples = Samples(dataset, shared=self._persistent)
        self._loader = make_loader(
            "val_data",
            self._samples,
            config,
            self._generator,
            sampler=_Share(share),
            batch_size=self.batch_size,
            workers=config.workers,
            collate_fn=options.collate_fn if options is not None else None,
            persistent=self._persistent,
        )

    def epoch(self, epoch: int) -> Iterator[Any]:
        """All batches of the rank's share."""
        seed = seed_of(self._seed, epoch, self._rank)
        self._generator.manual_seed(seed)
        if self._persistent:  # their generators are seeded when they start, and never again
            self._samples.begin(epoch, seed)
        return iter(self._loader)

    def more(self, done: int, *, has_one: bool) -> bool:
        """Whether a rank may have another batch when each has done so many; this one may have no more."""
        return done < self.batches


class _Resumable(DistributedSampler[Any]):
    """Leaves out the first `skip` samples of an epoch."""

    skip = 0

    def __iter__(self) -> Iterator[Any]:
        return islice(super().__iter__(), self.skip, None)

    def __len__(self) -> int:
        return super().__len__() - self.skip


class _OwnSampler(Sampler[Any]):
    """A task's own sampler; its order is a function of (seed, epoch, rank), whatever it draws from."""

    skip = 0

    def __init__(self, sampler: Any, seed: int, rank: int) -> None:
        if not hasattr(sampler, "__iter__") or not hasattr(sampler, "__len__"):
            raise UsageError("task_sampler", kind=type(sampler).__name__)
        self._sampler = sampler
        self._seed = seed
        self._rank = rank
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        if hasattr(self._sampler, "set_epoch"):
            self._sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        with OwnRandom(seed_of(self._seed, self._epoch, self._rank)):
            indices = list(self._sampler)
        if len(indices) != len(self._sampler):  # the other ranks would wait for batches that never come
            raise UsageError("task_sampler_length", length=len(self._sampler), count=len(indices))
        return iter(indices[self.skip :])

    def __len__(self) -> int:
        return len(self._sampler) - self.skip


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
        self._forked = False
        self._name = name

    def __iter__(self) -> Any:
        if self.num_workers and not self._forked:
            time.sleep(QUIET_SECONDS)
            self._forked = self.persistent_workers
        return self._checked(super().__iter__())

    def _checked(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            if type(batch) is UnreadableBatch:
                raise SampleError(f"{self._name}()", batch) from batch.cause
            yield batch.unpacked() if type(batch) is PackedBatch else batch


def make_loader(
    name: str,
    dataset: Dataset[Any],
    config: TrainConfig,
    generator: torch.Generator,
    *,
    sampler: Sampler[Any] | None = None,
    batch_size: int,
    workers: int,
    collate_fn: Function | None = None,
    drop_last: bool = False,
    persistent: bool = False,
) -> DataLoader[Any]:
    """A loader of batches for the data that the task's method `name` gave; `generator` seeds its `workers`.

    `persistent` ones go on from epoch to epoch.
    """
    return _Loader(
        name,
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=workers,
        collate_fn=Collate(collate_fn or default_collate),
        drop_last=drop_last,
        pin_memory=torch.cuda.is_available() and config.device != "cpu",
        worker_init_fn=begin_worker,
        generator=generator,
        persistent_workers=persistent,
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
