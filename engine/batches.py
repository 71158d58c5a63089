"""From a task's datasets to the batches of one rank, whatever kind of dataset it is."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.distributed as dist

from ..errors import UsageError
from ..metrics.records import UNKNOWN
from .config import TrainConfig
from .data import TrainData, ValData
from .streams import TrainStream, ValStream, is_stream
from .task_options import TaskOptions

TrainBatches: TypeAlias = TrainData | TrainStream
ValBatches: TypeAlias = ValData | ValStream


@dataclass(frozen=True)
class Share:
    """Whose batches they are."""

    rank: int
    world_size: int
    group: dist.ProcessGroup | None = None
    """A gloo group of all ranks; None for a single one."""


def train_batches(
    dataset: Any, config: TrainConfig, options: TaskOptions, share: Share, *, drop_last: bool = False
) -> TrainBatches:
    """The batches to learn from."""
    drop_last = drop_last or options.drop_last
    if is_stream(dataset):
        return TrainStream(dataset, config, share.rank, share.world_size, options, share.group, drop_last=drop_last)
    return TrainData(dataset, config, share.rank, share.world_size, options, drop_last=drop_last)


def val_batches(dataset: Any, config: TrainConfig, options: TaskOptions, share: Share) -> ValBatches | None:
    """The batches to judge the model by; None without validation."""
    if not validates(dataset):
        return None
    if is_stream(dataset):
        return ValStream(dataset, config, share.rank, share.world_size, options, share.group)
    return ValData(dataset, config, share.rank, share.world_size, options)


def validates(val_data: Any) -> bool:
    """Whether there is a validation with this data: a set of no samples is none."""
    if val_data is None:
        return False
    return is_stream(val_data) or not isinstance(val_data, Sized) or len(val_data) > 0


def steps_of(train: TrainBatches, epochs: int) -> int:
    """Batches of the whole run, `UNKNOWN` for a stream without length."""
    return UNKNOWN if train.batches == UNKNOWN else epochs * train.batches


def agree_on_batches(train: TrainBatches, val: ValBatches | None, share: Share) -> None:
    """Make sure that all ranks do as many batches: of a stream those of the rank that has the fewest.

    Raises `UsageError` on every rank when one has another number than the rest: it would leave the others waiting
    at the end of the epoch.
    """
    if share.group is None:
        return
    own = torch.tensor([train.batches, val.batches if val is not None else 0])
    counts = [torch.zeros_like(own) for _ in range(share.world_size)]
    dist.all_gather(counts, own, group=share.group)
    of_train, of_val = torch.stack(counts, dim=1).tolist()
    if isinstance(train, TrainStream):
        train.agree_on_length(min(of_train))
    else:
        _same("train_data", of_train)
    _same("val_data", of_val)


def _same(method: str, batches: list[int]) -> None:
    if len(set(batches)) > 1:
        told = ", ".join(f"rank {rank}: {count}" for rank, count in enumerate(batches))
        raise UsageError("uneven", method=method, batches=told)
