"""How long the collectives of a group may take.

``ProcessGroup.set_timeout`` is public in newer versions of torch; torch 2.4, the oldest that we allow, has it
under a private name only. Without either, groups keep the timeout that they were made with, and a rank that hangs
is found later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d

SAVE_SECONDS = 1800
"""How long ranks wait for the one that writes a checkpoint: as long as torch waits by itself."""


class GroupTimeouts:
    """The patience of one rank with the others: long for the first batch and for checkpoints, else short."""

    def __init__(self, group: dist.ProcessGroup | None, device: torch.device, seconds: float) -> None:
        """`group` is a gloo group of all ranks, None for a single one; `seconds` are for a batch."""
        self._group = group
        self._device = device
        self._seconds = seconds

    def first_batch_done(self) -> None:
        """From here on no step is slow for a good reason: call it on all ranks."""
        # A rank whose first batch is done may be far ahead of one that still compiles: CUDA works on its own, so
        # the host has to wait for it, and then for the other ranks, before anybody loses patience.
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        if self._group is not None:
            dist.barrier(self._group)
        groups = {dist.group.WORLD, self._group} - {None}
        _set_timeout((group for group in groups if group is not None), self._seconds)

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Around what all ranks do for a checkpoint: a slow disk is not a rank that hangs."""
        if self._group is None:
            yield
            return
        _set_timeout([self._group], SAVE_SECONDS)
        yield
        _set_timeout([self._group], self._seconds)


def _set_timeout(groups: Iterable[dist.ProcessGroup], seconds: float) -> None:
    """From now on a collective may take so long; those that are on their way keep what they had."""
    private = getattr(distributed_c10d, "_set_pg_timeout", None)
    for group in groups:
        if hasattr(group, "set_timeout"):
            group.set_timeout(timedelta(seconds=seconds))
        elif private is not None:
            private(timedelta(seconds=seconds), group)
