"""Watches a run that goes on for all that is out of line, and puts it into notices."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from ..events import BatchEvent
from ..records import BatchRecord, Notice
from .hidden import HiddenWatch
from .nonfinite import NonfiniteWatch
from .spikes import SpikeWatch
from .stragglers import StragglerWatch


class AnomalyWatch:
    """Losses that are no numbers, spikes, and ranks that hold up the others; each is told once, when it begins."""

    def __init__(self) -> None:
        self._nonfinite = NonfiniteWatch()
        self._spikes = SpikeWatch()
        self._hidden = HiddenWatch()
        self._stragglers = StragglerWatch()
        self._known_stragglers: set[int] = set()
        self._bad_ranks: dict[int, list[int]] = {}
        """The ranks whose loss was not finite, by step; of the steps that are not merged yet."""

    def add_event(self, event: BatchEvent) -> None:
        """Take the batch of one rank."""
        self._stragglers.add(event.rank, event.busy_seconds, event.step_seconds)
        if not math.isfinite(event.loss):
            self._bad_ranks.setdefault(event.step, []).append(event.rank)

    def notices_of(self, record: BatchRecord) -> Iterator[Notice]:
        """What is worth a line about a merged batch."""
        bad_ranks = self._bad_ranks.pop(record.step, ())
        if self._nonfinite.first_of_burst(record.loss):
            yield _notice(record, "nonfinite", value=str(record.loss), ranks=", ".join(map(str, sorted(bad_ranks))))
        if self._spikes.is_spike(record.loss):
            yield _notice(record, "spike", loss=record.loss, median=self._spikes.median)
        for name, value in self._hidden.new(record):
            yield Notice(f"hidden_{name}", "info", {"value": value}, record.epoch, record.batch, time.time())

    def new_stragglers(self) -> Iterator[Notice]:
        """The ranks that began to hold up the others."""
        slow = self._stragglers.stragglers()
        for rank in slow.keys() - self._known_stragglers:
            yield Notice("straggler", "warning", {"rank": rank, "times": slow[rank]}, at=time.time())
        self._known_stragglers = set(slow)


def _notice(record: BatchRecord, kind: str, **fields: str | int | float) -> Notice:
    fields = {"epoch": record.epoch, "batch": record.batch, **fields}
    return Notice(kind, "warning", fields, record.epoch, record.batch, time.time())
