"""Named values of a batch beside its loss: their names, their merging over the ranks, their sums over an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

    def __init__(self, earlier: Iterable[str] = ()) -> None:
        """`earlier` attempts had these, of which the first rank to tell one says how it is merged."""
        self.names: list[str] = []
        self.how: list[str] = []
        """`MEAN`, `SUM` or `LAST`, one a name."""
        self.refused = ""
        """The first name for which there was no room; empty while there was."""
        self._places: dict[str, int] = {}
        self._untold: set[int] = set()
        for name in earlier:
            self.place(name)
        self._untold = set(range(len(self.names)))

    def place(self, name: str, how: str = MEAN) -> int | None:
        """Where a value stands; None if there are too many already. The first one to come says how it is merged."""
        place = self._places.get(name)
        if place is None and len(self.names) < MOST_NAMES:
            place = self._places[name] = len(self.names)
            self.names.append(name)
            self.how.append(how)
        elif place is None:
            self.refused = self.refused or name
        elif self._untold and place in self._untold:
            self._untold.remove(place)
            self.how[place] = how
        return place


def weights_of(samples: Sequence[int]) -> Sequence[int]:
    """What the ranks weigh in a mean: as much as their samples, or all the same if one does not know them (0)."""
    return samples if all(samples) else [1] * len(samples)


def merge_values(told: Sequence[BatchValues], events: Sequence[BatchEvent], names: ValueNames) -> Values:
    """The values of one step from those of its ranks, `events` being their batches.

    A rank that does not have a value counts for nothing in it.
    """
    if len(told) == 1:
        return _of_one_rank(told[0], names)
    weights_of_ranks = weights_of([event.samples for event in events])
    weight_of = {event.rank: weight for event, weight in zip(events, weights_of_ranks, strict=True)}
    sums: dict[int, float] = {}
    weights: dict[int, int] = {}
    for values in sorted(told, key=lambda one: one.rank):  # so that a sum is always rounded alike
        weight = weight_of.get(values.rank, 1)
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
        self._totals: list[_Total] = []

    def add(self, values: Values, samples: int) -> None:
        """Take those of one batch over so many samples, 0 if they are not known."""
        while len(self._totals) < len(values):
            place = len(self._totals)
            self._totals.append(_Total(self._how[place] if place < len(self._how) else MEAN))
        for total, value in zip(self._totals, values, strict=False):
            if value is not None:
                total.add(value, samples)

    def values(self) -> Values:
        """What they come to."""
        return tuple(total.value() for total in self._totals)


class _Total:
    """One value over an epoch."""

    __slots__ = ("_count", "_how", "_known", "_last", "_samples", "_sum", "_weighted")

    def __init__(self, how: str) -> None:
        self._how = how
        self._count = self._samples = 0
        self._known = True
        """Every batch knows its samples."""
        self._last = self._sum = self._weighted = 0.0

    def add(self, value: float, samples: int) -> None:
        self._last = value
        self._count += 1
        self._sum += value
        self._samples += samples
        self._weighted += value * samples
        self._known = self._known and samples > 0

    def value(self) -> float | None:
        if not self._count:
            return None
        if self._how == MEAN:
            return self._weighted / self._samples if self._known else self._sum / self._count
        return self._sum if self._how == SUM else self._last
