"""Batches on their way from a loader's worker to its rank.

A worker's queue pickles in a thread of its own, and drops what it cannot pickle or has no shared memory for: the
rank would wait for ever. So whatever can fail is done before, where the failure is seen.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from torch import Tensor

PLAIN = (type(None), bool, int, float, complex, str, bytes)


@dataclass(frozen=True)
class PackedBatch:
    """A batch that is pickled already."""

    data: bytes

    def unpacked(self) -> Any:
        """The batch itself."""
        return pickle.loads(self.data)


def fit_to_send(batch: Any) -> Any:
    """The batch with its tensors in shared memory, or pickled if there is more in it than torch and numpy make.

    Raises `RuntimeError` when shared memory is full, and whatever pickling raises.
    """
    if _is_plain(batch):
        _share(batch)
        return batch
    return PackedBatch(bytes(ForkingPickler.dumps(batch)))


def _is_plain(batch: Any) -> bool:
    """Whether nothing in it can fail to be pickled, once its tensors are in shared memory."""
    kind = type(batch)
    if kind is Tensor:
        return bool(batch.layout == torch.strided)
    if kind is dict:
        return all(type(key) in PLAIN and _is_plain(value) for key, value in batch.items())
    if kind in (list, tuple):
        return all(map(_is_plain, batch))
    if kind is np.ndarray:
        return not batch.dtype.hasobject
    return kind in PLAIN or isinstance(batch, np.generic)


def _share(batch: Any) -> None:
    if isinstance(batch, Tensor):
        if not batch.is_shared():  # type: ignore[no-untyped-call]
            batch.share_memory_()  # type: ignore[no-untyped-call]
    elif isinstance(batch, dict):
        for value in batch.values():
            _share(value)
    elif isinstance(batch, (list, tuple)):
        for value in batch:
            _share(value)
