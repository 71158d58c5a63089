"""Named values of a batch beside its loss: their names, their merging over the ranks, their sums over an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .events import BatchEvent, BatchValues

MEAN, SUM, LAST = "mean", "sum", "last"
"""How a value is merged, over the ranks and over an epoch: as the loss is, weighted by samples; added up; or the
one of the lowest rank, and the last one of the epoch."""

MOST_NAMES = 200
"""Values that a run can have. Whoever puts a counter into a name would make a column of each batch."""

Values = tuple[float | None, ...]
"""In the order of the names; None for a value that is missing, as are those left out at the end."""


class ValueNames:
    """The names of a run in the order in which they came; each has its place in `Values`."""

    def __init__(self, names: Iterable[str] = (), how: Mapping[str, str] | None = None) -> None:
        self.names: list[str] = []
        self.how: list[str] = []
        """`MEAN`, `SUM` or `LAST`, one a name."""
        self.refused = ""
        """The first name for which there was no room; empty while there was."""
        self._places: dict[str, int] = {}
        for name in names:
            self.place(name, (how or {}).get(name, MEAN))

    def place(self, name: str, how: str = MEAN) -> int | None:
        """Where a value stands; None if there are too many already. The first one to come says how it is merged."""
        place = self._places.get(name)
        if place is None and len(self.names) < MOST_NAMES:
            place = self._places[name] = len(self.names)
            self.names.append(name)
            self.how.append(how)
        elif place is None:
            self.refused = self.refused or name
        return place

    @property
    def unusual(self) -> dict[str, str]:
        """How those are merged that are not merged as the loss is."""
        return {name: how for name, how in zip(self.names, self.how, strict=True) if how != MEAN}


def merge_values(told: Sequence[BatchValues], events: Sequence[BatchEvent], names: ValueNames) -> Values:
    """The values of one step from those of its ranks, `events` being their batches.

    A rank that does not have a value counts for nothing in it.
    """
    if len(told) == 1:
        return _of_one_rank(told[0], names)
    samples = {event.rank: max(1, event.samples) for event in events}
    sums: dict[int, float] = {}
    weights: dict[int, int] = {}
    for values in sorted(told, key=lambda one: one.rank):  # so that a sum is always rounded alike
        weight = samples.get(values.rank, 1)
        for name, value in values.values.items():
            place = names.place(name, values.how.get(name, MEAN))
            if place is None:
                continue
            how = names.how[place]
            if place not in sums:
                sums[place], weights[place] = (value * weight, weight) if how == MEAN else (value, 1)
            elif how == MEAN:
                sums[place] += value * weight
                weights[place] += weight
            elif how == SUM:
                sums[place] += value
    if not sums:
        return ()
    return tuple(sums[place] / weights[place] if place in sums else None for place in range(max(sums) + 1))


def _of_one_rank(told: BatchValues, names: ValueNames) -> Values:
    merged: list[float | None] = []
    for name, value in told.values.items():
        place = names.place(name, told.how.get(name, MEAN))
        if place is not None:
            merged += [None] * (place + 1 - len(merged))
            merged[place] = value
    return tuple(merged)


class ValueTotals:
    """The values of one epoch."""

    def __init__(self, how: Sequence[str]) -> None:
        """`how` tells of each place how it is merged; it may grow."""
        self._how = how
        self._sums: list[float] = []
        self._weights: list[int] = []

    def add(self, values: Values, samples: int) -> None:
        """Take those of one batch over so many samples."""
        while len(self._sums) < len(values):
            self._sums.append(0.0)
            self._weights.append(0)
        for place, value in enumerate(values):
            if value is None:
                continue
            how = self._how[place] if place < len(self._how) else MEAN
            if how == MEAN:
                weight = max(1, samples)
                self._sums[place] += value * weight
                self._weights[place] += weight
            else:
                self._sums[place] = value + (self._sums[place] if how == SUM else 0.0)
                self._weights[place] = 1

    def values(self) -> Values:
        """What they come to."""
        pairs = zip(self._sums, self._weights, strict=True)
        return tuple(total / weight if weight else None for total, weight in pairs)
