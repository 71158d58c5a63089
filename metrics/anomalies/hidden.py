"""Watches for numbers that the line of a batch does not show: a loss of 1e-9 stands there as 0.000000."""

from __future__ import annotations

from collections.abc import Iterator

from ..numbers import hides
from ..records import BatchRecord

LOSS_DECIMALS, LR_DECIMALS = 6, 8
"""Of the line of a batch."""


class HiddenWatch:
    """Tells the first loss, and the first learning rate, that is hidden so."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def new(self, record: BatchRecord) -> Iterator[tuple[str, float]]:
        """What is hidden for the first time, `loss` or `lr`, with its value."""
        for name, value, decimals in (("loss", record.loss, LOSS_DECIMALS), ("lr", record.lr, LR_DECIMALS)):
            if name not in self._told and hides(value, decimals):
                self._told.add(name)
                yield name, value
