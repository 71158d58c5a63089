"""What a person can check of pictures and masks, counted by side and by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..engine.pictures.checked_pairs import Pair
from ..engine.pictures.folder import Folder
from ..engine.pictures.mask_pixels import MaskPixels
from ..engine.pictures.meaning import IGNORED, Meaning

SideName = Literal["train", "val"]
SIDES: tuple[SideName, ...] = ("train", "val")


@dataclass(frozen=True)
class Side:
    """The pictures to train on, or those to validate on."""

    name: SideName
    pairs: Sequence[Pair]
    pixels: Any
    """Of each pair and each class, the void last: [pairs, classes + 1]."""

    @property
    def slices(self) -> int:
        """Of all pictures."""
        return sum(pair.header.shape[0] for pair in self.pairs)

    @property
    def share(self) -> float | None:
        """Of the foreground in all pixels that belong to anything; None without any."""
        return _share(self.pixels.sum(axis=0))

    @property
    def empty(self) -> int:
        """Pictures without any foreground."""
        return int((self.pixels[:, 1:-1].sum(axis=1) == 0).sum())

    def class_share(self, label: int) -> float | None:
        """Of one class in all pixels that belong to anything, of the void (-1) in all there are."""
        together = self.pixels.sum(axis=0)
        total = together.sum() if label == IGNORED else together[:-1].sum()
        return float(together[label] / total) if total else None

    def occurs(self, label: int) -> int:
        """In how many pictures a class is."""
        return int((self.pixels[:, label] > 0).sum())


def sides_of(folder: Folder) -> list[Side]:
    """Training and validation."""
    pairs = {"train": folder.train, "val": folder.val}
    return [
        Side(name, pairs[name], np.array([class_pixels(folder.meaning, pair) for pair in pairs[name]]))
        for name in SIDES
    ]


def class_pixels(meaning: Meaning, pair: Pair) -> Any:
    """Pixels of each class in one mask, and of the void behind them: [classes + 1]."""
    values = MaskPixels(np.array(pair.mask.values), pair.mask.coloured)
    labels = meaning.labels(values)
    count = len(meaning.classes)
    return np.bincount(
        np.where(labels == IGNORED, count, labels), weights=pair.mask.counts, minlength=count + 1
    ).astype(np.int64)


def pair_share(meaning: Meaning, pair: Pair) -> float | None:
    """Of the foreground in one mask; None where all of it is void."""
    return _share(class_pixels(meaning, pair))


def sizes(folder: Folder) -> list[tuple[str, int]]:
    """Sizes, and how many pictures have each; the most frequent first."""
    return Counter(pair.header.size for pair in (*folder.train, *folder.val)).most_common()


def spacings(folder: Folder) -> list[tuple[tuple[float, ...] | None, int]]:
    """Millimetres from slice to slice, row to row and column to column, and how many have about that."""
    every = [pair.header.spacing for pair in (*folder.train, *folder.val)]
    return Counter(one and tuple(float(f"{part:.3g}") for part in one) for one in every).most_common()


def number_ranges(folder: Folder) -> list[tuple[str, float, float]]:
    """Types of numbers with the lowest and the highest there is of each."""
    found: dict[str, tuple[float, float]] = {}
    for facts in folder.facts.values():
        low, high = found.get(facts.header.number, (facts.lowest, facts.highest))
        found[facts.header.number] = min(low, facts.lowest), max(high, facts.highest)
    return [(number, *ends) for number, ends in sorted(found.items())]


def _share(pixels: Any) -> float | None:
    total = int(pixels[:-1].sum())
    return float(pixels[1:-1].sum() / total) if total else None
