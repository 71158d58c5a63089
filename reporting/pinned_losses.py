"""Reads CUDA losses without stopping the GPU's stream.

Each loss is copied to its own slot of pinned memory by the stream itself; an event behind the copy tells when
the slot may be read.
"""

from __future__ import annotations

import torch
from torch import Tensor


class PendingLoss:
    """A loss on its way to the host."""

    __slots__ = ("_done", "_slot")

    def __init__(self, slot: Tensor, done: torch.cuda.Event) -> None:
        self._slot = slot
        self._done = done

    def read(self, *, wait: bool) -> float | None:
        """The value, or None while the GPU has not computed it; with `wait`, sleep until it has."""
        if wait:
            self._done.synchronize()
        elif not self._done.query():  # type: ignore[no-untyped-call]
            return None
        return self._slot.item()


class PinnedLosses:
    """A ring of pinned slots; a slot is used again after `capacity` more losses."""

    def __init__(self, capacity: int) -> None:
        self._slots = torch.empty(capacity, dtype=torch.float32, pin_memory=True)
        self._events: list[torch.cuda.Event] = []
        self._next = 0

    def copy(self, loss: Tensor) -> PendingLoss:
        """Queue the copy on the current stream and return at once."""
        place = self._next % len(self._slots)
        if place == len(self._events):
            self._events.append(torch.cuda.Event(blocking=True))  # type: ignore[no-untyped-call]
        slot, done = self._slots[place], self._events[place]
        slot.copy_(loss.detach().reshape(()), non_blocking=True)  # it may have the shape [1]
        done.record()
        self._next += 1
        return PendingLoss(slot, done)
