"""What the training thread notes of a batch, and the event that the sending thread makes of it.

A note is as short as can be, for the sake of the training thread; counters and differences are worked out later.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

from ..metrics.events import AnyEvent, BatchEvent, EpochBegan

BatchNote: TypeAlias = tuple[int, Any, float, int, float, float, float]
"""Step, loss (a number, or what has `read` or can be made one), learning rate, samples, seconds of waiting for
data, and two times: the end of the forward pass (0 if not told) and the end of the batch."""


class EpochNote(NamedTuple):
    """An epoch begins."""

    event: EpochBegan
    first_batch: int
    step: int
    """How many batches of the run were done before it."""
    at: float


Note: TypeAlias = BatchNote | EpochNote | AnyEvent


class NoteReader:
    """Turns the notes of one rank, in their order, into events."""

    def __init__(self, rank: int, step: int, at: float) -> None:
        self.nonfinite = False
        """A loss was nan or inf."""
        self._rank = rank
        self._epoch = 0
        self._first_step = step + 1
        """The step of the epoch's batch 0."""
        self.step = step
        """The newest batch that was read."""
        self._at = at

    def read(self, note: Note, *, wait: bool) -> AnyEvent | None:
        """The event of a note, or None while the GPU has not computed its loss; with `wait`, sleep until it has."""
        if isinstance(note, EpochNote):
            self._epoch = note.event.epoch
            self._first_step = note.step - note.first_batch + 1
            self.step = note.step
            self._at = note.at
            return note.event
        return self._batch(note, wait) if isinstance(note, tuple) else note

    def _batch(self, note: BatchNote, wait: bool) -> BatchEvent | None:
        step, loss, lr, samples, data_wait, forward_done, at = note
        if type(loss) is not float:
            loss = loss.read(wait=wait) if hasattr(loss, "read") else float(loss)
            if loss is None:
                return None
        if not math.isfinite(loss):
            self.nonfinite = True
        seconds = (at - self._at) / (
            step - self.step
        )  # the mean over the step and those before it that were dropped
        busy = max(0.0, seconds - (at - forward_done)) if forward_done else seconds
        self.step, self._at = step, at
        batch = step - self._first_step
        return BatchEvent(self._rank, self._epoch, batch, step, loss, lr, samples, seconds, data_wait, busy, at)
