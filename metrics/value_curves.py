"""What a watcher keeps of the named values of a run: a curve of each, its newest, least and most."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .downsample import Downsampled
from .values import Values


class ValueCurve:
    """One named value over all batches of the run."""

    def __init__(self, skipped: int) -> None:
        """So many batches came before the first that has it."""
        self.newest = math.nan
        """Of the newest batch that has it."""
        self.least = math.nan
        """Over the finite ones; nan while there is none. The same for `most`."""
        self.most = math.nan
        self.nonfinite = 0
        self.curve = Downsampled()
        self.curve.skip(skipped)

    def add(self, value: float | None) -> None:
        """Take that of the next batch; None if it does not have one."""
        if value is None:
            self.curve.skip()
            return
        self.newest = value
        self.curve.add(value)
        if not math.isfinite(value):
            self.nonfinite += 1
            return
        if not value >= self.least:
            self.least = value
        if not value <= self.most:
            self.most = value


class ValueCurves:
    """The values of a run by their names, in the order in which they came."""

    def __init__(self) -> None:
        self.by_name: dict[str, ValueCurve] = {}
        self._curves: list[ValueCurve] = []
        """In the order of the values of a batch."""

    def name(self, names: Sequence[str], batches: int) -> None:
        """These are the names by now; so many batches were added before."""
        for name in names:
            if name not in self.by_name:
                self.by_name[name] = ValueCurve(batches)
        self._curves = [self.by_name[name] for name in names]

    def add(self, values: Values) -> None:
        """Take those of the next batch."""
        curves = self._curves
        for curve, value in zip(curves, values, strict=False):  # those that are left out at the end are missing
            curve.add(value)
        for curve in curves[len(values) :]:
            curve.add(None)
