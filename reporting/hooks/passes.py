"""A pass over a data loader: how far it is, what it cost to wait for, and whether it may be one of training."""

from __future__ import annotations

from collections import deque
from time import monotonic

MOST_UNUSED = 3
"""A pass that gave so many batches without a backward is one of evaluation: a loader that reads ahead gives two."""
MOST_AHEAD = 8
"""How many batch sizes are kept of batches that have not had their backward yet."""


class LoaderPass:
    """One iteration over a loader."""

    def __init__(self, length: int | None, *, trains: bool) -> None:
        """`length` is the number of batches, None if that is unknown; `trains` is False where gradients are off."""
        self.length = length
        self.began_at = monotonic()
        self.exhausted = False
        self.given = 0
        """Batches given so far."""
        self.given_before_step = 0
        """Batches given up to the step before."""
        self._trains = trains
        self._unused = 0
        self._sizes: deque[int] = deque(maxlen=MOST_AHEAD)

    @property
    def trains(self) -> bool:
        """Whether its batches may be ones of training."""
        return self._trains and self._unused < MOST_UNUSED

    def gave(self, samples: int | None) -> None:
        """It gave a batch of so many samples, None if that is not known."""
        self.given += 1
        self._unused += 1
        self._sizes.append(samples or 0)

    def used(self) -> int:
        """The oldest of its batches had its backward: the samples of that batch, 0 if they are not known."""
        self._unused = 0
        return self._sizes.popleft() if self._sizes else 0
