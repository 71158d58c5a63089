"""Which epoch is the best one."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .records import EpochSummary, RunStarted


def is_better(score: float, best: float, *, higher: bool = False) -> bool:
    """Whether `score` is better than the best one so far, which is inf before the first, or -inf for `higher`.

    Lower is better, otherwise `higher`. Of equal scores the first one stays, and one that is not finite never is
    the best.
    """
    return math.isfinite(score) and (score > best if higher else score < best)


class Judge:
    """Compares the epochs of a run: by the metric that its task names as score, else by their losses."""

    def __init__(self, run: RunStarted | None = None) -> None:
        """Without a run, as before its first record, by their losses."""
        self.metric = run.score if run is not None else ""
        """The name of the metric, of which the highest is the best; empty for the loss, of which the lowest is."""
        self._place = run.metric_names.index(run.score) if run is not None and run.score else -1

    def score(self, epoch: EpochSummary) -> float:
        """What `epoch` is judged by; nan if it has no such metric."""
        if not self.metric:
            return epoch.loss
        score = epoch.val_metrics[self._place] if len(epoch.val_metrics) > self._place else None
        return math.nan if score is None else score

    def better(self, epoch: EpochSummary, best: EpochSummary | None) -> bool:
        """Whether `epoch` is better than `best`.

        By losses, a validated epoch is better than one that is not, since a training loss and a validation loss do
        not compare.
        """
        score = self.score(epoch)
        if epoch.status != "completed" or not math.isfinite(score):
            return False
        if best is None:
            return True
        if (epoch.val_loss is None) != (best.val_loss is None):
            return epoch.val_loss is not None
        return is_better(score, self.score(best), higher=bool(self.metric))

    def best(self, epochs: Iterable[EpochSummary]) -> EpochSummary | None:
        """The best of `epochs`; None if none can be judged."""
        best = None
        for epoch in epochs:
            if self.better(epoch, best):
                best = epoch
        return best
