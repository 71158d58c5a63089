"""What is known of a run: how it was started, and what its ranks tell of it only while it goes on."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..metrics.events import Planned
from ..metrics.records import RunStarted, RunTold
from ..metrics.values import MOST_NAMES
from .sinks import Sinks


class KnownRun:
    """The run as it is known by now; all that read its journal are told what is new."""

    def __init__(self, started: RunStarted, sinks: Sinks) -> None:
        self.now = started
        """Replaced with each thing that becomes known."""
        self._asked = started
        self._sinks = sinks

    def tell(self, **changes: object) -> None:
        """Something of the run is known only now."""
        run = self.now = msgspec.structs.replace(self.now, **changes)
        self._sinks.record(
            RunTold(run.world_size, run.device, run.epochs, run.steps, run.metric_names, run.value_names)
        )

    def plan(self, planned: Planned) -> bool:
        """Take how long the ranks say that it will be; whether that is new.

        What the command line tells of the epochs and steps stands, as nobody else may know better.
        """
        epochs = self._asked.epochs if self._asked.epochs > 0 else planned.epochs
        steps = self._asked.steps if self._asked.steps > 0 else planned.steps
        if (epochs, steps) == (self.now.epochs, self.now.steps):
            return False
        self.tell(epochs=epochs, steps=steps)
        return True

    def name_values(self, names: Iterable[str]) -> None:
        """Some of the values of a batch came for the first time; `names` are all of them."""
        self.tell(value_names=tuple(names))
        self._sinks.name_values(self.now.value_names)

    def name_metrics(self, names: Iterable[str]) -> None:
        """A validation has values of these names, maybe for the first time."""
        known = self.now.metric_names
        every = [*known, *(name for name in names if name not in known)]
        if len(every) > len(known):
            self.tell(metric_names=tuple(every[:MOST_NAMES]))
            self._sinks.name_metrics(self.now.metric_names)
