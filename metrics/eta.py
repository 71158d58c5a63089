"""How long the rest of a run will take."""

from __future__ import annotations

from collections import deque

RECENT_EPOCHS = 5


class Eta:
    """Time left, from the newest whole epochs of this attempt: validation and checkpoints are in it.

    An epoch that began in its middle (after a resume) counts as if it had run whole, so the first figure after
    a resume is right.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._epoch_seconds: deque[float] = deque(maxlen=RECENT_EPOCHS)
        self._save_seconds: deque[float] = deque(maxlen=RECENT_EPOCHS)

    def epoch_done(self, seconds: float, batches_done: int, batches: int) -> None:
        """An epoch ended that ran `batches_done` of its `batches` in this attempt, in `seconds`."""
        if batches_done > 0:
            self._epoch_seconds.append(seconds * batches / batches_done)
            self._save_seconds.append(0.0)

    def saved(self, seconds: float) -> None:
        """A checkpoint after the newest epoch took `seconds`."""
        if self._save_seconds:
            self._save_seconds[-1] += seconds

    def seconds_left(self, epoch: int) -> float:
        """Time for the epochs after `epoch`; nan while no epoch has ended."""
        left = self._epochs - epoch
        if left <= 0:
            return 0.0
        if not self._epoch_seconds:
            return float("nan")
        return left * (_mean(self._epoch_seconds) + _mean_of_closed(self._save_seconds))


def _mean(values: deque[float]) -> float:
    return sum(values) / len(values)


def _mean_of_closed(save_seconds: deque[float]) -> float:
    """The newest epoch's checkpoint is still to come when its summary is made."""
    closed = list(save_seconds)[:-1]
    return sum(closed) / len(closed) if closed else 0.0
