"""How many samples a batch holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def count_samples(batch: Any) -> int | None:
    """Samples in a batch: the first dimension of its first tensor; None if it holds none."""
    if isinstance(batch, (list, tuple)):
        for value in batch:
            samples = count_samples(value)
            if samples is not None:
                return samples
    elif hasattr(batch, "ndim") and hasattr(batch, "shape"):
        return int(batch.shape[0]) if batch.ndim else None
    elif isinstance(batch, Mapping):  # asked last, as it is slow to say no
        return count_samples(list(batch.values()))
    return None
