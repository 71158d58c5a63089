"""Data loaders of one rank, and what is done to a batch."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator, Mapping, Sized
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler

from .config import TrainConfig


class TrainData:
    """The training batches of one rank; an epoch is a function of (seed, epoch, rank) alone."""

    def __init__(self, dataset: Dataset[Any], config: TrainConfig, rank: int, world_size: int) -> None:
        self._dataset = dataset
        self._seed = config.seed
        self._rank = rank
        self._sampler: DistributedSampler[Any] = DistributedSampler(
            dataset, num_replicas=world_size, rank=rank, seed=config.seed
        )
        self._generator = torch.Generator()
        self._loader = _loader(dataset, self._sampler, config, self._generator)

    def __len__(self) -> int:
        return len(self._loader)

    def epoch(self, epoch: int) -> DataLoader[Any]:
        """The batches of an epoch, in its order."""
        self._sampler.set_epoch(epoch)
        # Seeds the loader's worker processes.
        self._generator.manual_seed(hash((self._seed, epoch, self._rank)) & (2**63 - 1))
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
        self._loader = _loader(dataset, _Share(share), config, torch.Generator())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)


class _Share(Sampler[int]):
    def __init__(self, indices: range) -> None:
        self._indices = indices

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


def _loader(
    dataset: Dataset[Any], sampler: Sampler[Any], config: TrainConfig, generator: torch.Generator
) -> DataLoader[Any]:
    return DataLoader(
        dataset,
        batch_size=config.batch_size,
        sampler=sampler,
        num_workers=config.workers,
        pin_memory=torch.cuda.is_available() and config.device != "cpu",
        worker_init_fn=_shield_worker,
        generator=generator,
    )


def _shield_worker(_: int) -> None:
    """A loader worker lets the rank decide when it ends: signals to the whole group are not for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        from torch.multiprocessing import _prctl_pr_set_pdeathsig  # type: ignore[attr-defined]

        _prctl_pr_set_pdeathsig(signal.SIGKILL)  # a rank that is killed must not leave it behind


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
    if isinstance(batch, Tensor):
        return batch.shape[0] if batch.ndim else None
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, (list, tuple)):
        for value in batch:
            samples = count_samples(value)
            if samples is not None:
                return samples
    return None
