"""How long the rest of a run will take: the one formula, for the log, the files and the screen."""

from __future__ import annotations

import math
from collections import deque

from .records import UNKNOWN

RECENT_EPOCHS = 5


class Eta:
    """Estimates the time left from the newest whole epochs, with their validations and checkpoints.

    An epoch that began in its middle (after a resume) counts as if it had run whole, so the first figure after
    a resume is right.
    """

    def __init__(self, epochs: int, steps: int = UNKNOWN) -> None:
        self.epochs = epochs
        """Of the whole run; below 1 while nobody knows."""
        self.steps = steps
        """The same, of batches; where both are told, the epochs count."""
        self._epoch_seconds: deque[float] = deque(maxlen=RECENT_EPOCHS)
        self._save_seconds: deque[float] = deque(maxlen=RECENT_EPOCHS)

    def epoch_done(self, seconds: float, batches_done: int, batches: int) -> None:
        """An epoch ended that ran `batches_done` of its `batches` in this attempt, in `seconds`."""
        if batches_done > 0:
            self._epoch_seconds.append(seconds * max(1.0, batches / batches_done))
            self._save_seconds.append(0.0)

    def saved(self, seconds: float) -> None:
        """A checkpoint after the newest epoch took `seconds`."""
        if self._save_seconds:
            self._save_seconds[-1] += seconds

    def seconds_left(self, epoch: int, part: float = 1.0, first_epoch: float = math.nan) -> float:
        """Time for what is left when `part` (0 to 1, nan if unknown) of `epoch` is done; nan while unknown.

        `first_epoch` is a guess at the seconds of an epoch, which counts until one has ended.
        """
        if math.isnan(part) or self.epochs < 1:
            return math.nan
        left = self.epochs - epoch + 1 - part
        return left * self._whole_epoch(first_epoch) if left > 0 else 0.0

    def seconds_left_by_steps(self, step: int, done: int, seconds: float) -> float:
        """Time for the steps after `step`, when `done` of them took `seconds` with all else; nan while unknown."""
        if self.epochs > 0 or self.steps < 1 or done < 1:
            return math.nan
        return max(0, self.steps - step) * seconds / done

    def _whole_epoch(self, first_epoch: float) -> float:
        if not self._epoch_seconds:
            return first_epoch
        # The newest epoch's checkpoint is still to come when its summary is made.
        closed = list(self._save_seconds)[:-1]
        return _mean(self._epoch_seconds) + (_mean(closed) if closed else 0.0)


def _mean(values: deque[float] | list[float]) -> float:
    return sum(values) / len(values)
