"""Which epoch is the best one."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .records import EpochSummary


def is_better(score: float, best: float, *, higher: bool = False) -> bool:
    """Whether `score` is better than the best one so far, which is inf before the first, or -inf for `higher`.

    Lower is better, otherwise `higher`. Of equal scores the first one stays, and one that is not finite never is
    the best.
    """
    return math.isfinite(score) and (score > best if higher else score < best)


def better_epoch(epoch: EpochSummary, best: EpochSummary | None) -> bool:
    """Whether `epoch` is better than `best`.

    A validated epoch is better than one that is not, since a training loss and a validation loss do not compare.
    """
    if epoch.status != "completed" or not math.isfinite(epoch.score):
        return False
    if best is None:
        return True
    if (epoch.val_loss is None) != (best.val_loss is None):
        return epoch.val_loss is not None
    return is_better(epoch.score, best.score)


def best_epoch(epochs: Iterable[EpochSummary]) -> EpochSummary | None:
    """The best of `epochs`; None if none can be judged."""
    best = None
    for epoch in epochs:
        if better_epoch(epoch, best):
            best = epoch
    return best
