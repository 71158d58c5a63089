"""What the training thread notes of a batch, and the event that the sending thread makes of it.

A note is as short as can be, for the sake of the training thread; counters and differences are worked out later.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

from ..metrics.events import AnyEvent, BatchEvent, BatchValues, EpochBegan

BatchNote: TypeAlias = tuple[int, Any, Any, int, float, float, float]
"""Step, loss and learning rate (numbers, or what has `read` or can be made one), samples, seconds of waiting for
data, and two times: the end of the forward pass (0 if not told) and the end of the batch."""


class EpochNote(NamedTuple):
    """An epoch begins."""

    event: EpochBegan
    first_batch: int
    step: int
    """How many batches of the run were done before it."""
    at: float


class ValuesNote(NamedTuple):
    """The named values of the batch whose note follows."""

    step: int
    values: dict[str, Any]
    """Numbers, or what has `read`."""
    how: dict[str, str]
    """As in `BatchValues`."""


Note: TypeAlias = BatchNote | EpochNote | ValuesNote | AnyEvent


class NoteReader:
    """Turns the notes of one rank, in their order, into events."""

    def __init__(self, rank: int, step: int, at: float) -> None:
        self.nonfinite = False
        """A loss was nan or inf."""
        self.values_read = 0
        """Named values that came from a GPU."""
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
        if isinstance(note, ValuesNote):
            return self._values(note, wait)
        return self._batch(note, wait) if isinstance(note, tuple) else note

    def _batch(self, note: BatchNote, wait: bool) -> BatchEvent | None:
        step, loss, lr, samples, data_wait, forward_done, at = note
        if type(loss) is not float:
            number = _number(loss, wait)
            if number is None:
                return None
            loss = number
        if type(lr) is not float:
            rate = _number(lr, wait)
            if rate is None:
                return None
            lr = rate
        if not math.isfinite(loss):
            self.nonfinite = True
        seconds = (at - self._at) / (
            step - self.step
        )  # the mean over the step and those before it that were dropped
        busy = max(0.0, seconds - (at - forward_done)) if forward_done else seconds
        self.step, self._at = step, at
        batch = step - self._first_step
        return BatchEvent(self._rank, self._epoch, batch, step, loss, lr, samples, seconds, data_wait, busy, at)

    def _values(self, note: ValuesNote, wait: bool) -> BatchValues | None:
        numbers = {}
        for name, value in note.values.items():
            number = _number(value, wait)
            if number is None:
                return None
            numbers[name] = number
        self.values_read += sum(hasattr(value, "read") for value in note.values.values())
        return BatchValues(self._rank, note.step, numbers, note.how)


def _number(value: Any, wait: bool) -> float | None:
    number: float | None = value.read(wait=wait) if hasattr(value, "read") else float(value)
    return number
