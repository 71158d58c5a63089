"""Ranks that begin to report after the others were settled on: what was merged without them stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

from ..metrics.events import AnyEvent, BatchEvent, BatchValues, EpochBegan, EpochEnded


class LateRanks:
    """Knows which ranks are waited for, once that is settled."""

    def __init__(self) -> None:
        self.settled: set[int] | None = None
        """Those that are waited for; None while nothing is settled."""
        self._behind: set[int] = set()
        """Those that joined late and still tell of batches which were merged without them."""

    def settle(self, reporting: Iterable[int]) -> None:
        """From here on only these are waited for, and whoever reports later."""
        self.settled = set(reporting)

    def joins(self, event: AnyEvent) -> bool:
        """Whether the rank of this event is one more to wait for from here on."""
        if self.settled is None or event.rank in self.settled or not _is_report(event):
            return False
        self.settled.add(event.rank)
        self._behind.add(event.rank)
        return True

    def is_past(self, event: AnyEvent, merged_step: int, ended_epoch: int) -> bool:
        """Whether the event is of a batch or an epoch that was written without its rank: the newest are these."""
        if event.rank not in self._behind:
            return False
        match event:
            case BatchEvent() if event.step > merged_step:
                self._behind.remove(event.rank)
                return False
            case BatchEvent() | BatchValues():
                return event.step <= merged_step
            case EpochBegan() | EpochEnded():
                return event.epoch <= ended_epoch
        return False


def _is_report(event: AnyEvent) -> bool:
    """Whether only a rank that has batches to tell sends such an event."""
    return isinstance(event, BatchEvent | BatchValues | EpochBegan | EpochEnded)
