"""Keeps what rank 0 said between two batches until the batch before it is merged over all ranks."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from typing import TypeAlias

from ..metrics.events import CommandTaken, EpochTrained, Saved, SaveFailed, ValidatedAt, ValidationFailed

HeldEvent: TypeAlias = EpochTrained | Saved | SaveFailed | CommandTaken | ValidationFailed | ValidatedAt


class HeldEvents:
    """The events of rank 0 that have a place among its batches, in their order."""

    def __init__(self, step: int) -> None:
        """`step` is the number of batches that were done before this attempt."""
        self._step = step
        """The newest batch of rank 0."""
        self._ended_epoch = 0
        """The newest epoch that rank 0 has left."""
        self._held: deque[tuple[int, int, HeldEvent]] = deque()

    def __bool__(self) -> bool:
        return bool(self._held)

    def batch_done(self, step: int) -> None:
        """Rank 0 has done this batch."""
        self._step = step

    def epoch_ended(self, epoch: int) -> None:
        """Rank 0 has left this epoch."""
        self._ended_epoch = epoch

    def hold(self, event: HeldEvent) -> None:
        """Keep an event in its place."""
        self._held.append((self._step, self._ended_epoch, event))

    def hold_until(self, step: int, event: HeldEvent) -> None:
        """Keep an event of any rank until all ranks have told this batch; it belongs to the epoch that is open."""
        self._held.appendleft((step, 0, event))

    def due(self, merged_step: int, open_epochs: Container[int]) -> Iterator[HeldEvent]:
        """The events whose turn it is: all ranks have told `merged_step`, and `open_epochs` are not summed up."""
        while self._held:
            step, ended_epoch, event = self._held[0]
            if step > merged_step or ended_epoch in open_epochs:
                return
            self._held.popleft()
            yield event

    def rest(self) -> Iterator[HeldEvent]:
        """All that are left, at the end."""
        while self._held:
            yield self._held.popleft()[2]
