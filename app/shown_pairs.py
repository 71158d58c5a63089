"""Some pairs of a folder, made small enough to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.pictures.checked_pairs import Pair
from ..engine.pictures.folder import Folder
from .data_facts import SideName, pair_share
from .overlay import evenly, overlaid
from .shown_slice import each, shown_slice, step_of


@dataclass(frozen=True)
class ShownPair:
    """A picture, and the same with its mask over it."""

    name: str
    side: SideName
    slice: int
    """Which is shown, from 1."""
    slices: int
    share: float | None
    """Of the foreground in the whole mask."""
    contrast: float
    """How much of it was added to be seen: 1 for none."""
    picture: Any
    """uint8 [H, W, 3]"""
    labels: Any
    """Of the same pixels, int64 [H, W]."""
    overlay: Any


def chosen(folder: Folder, most: int) -> list[tuple[SideName, Pair]]:
    """Pairs of both sides, as many of each as there are of all, evenly among them."""
    total = len(folder.train) + len(folder.val)
    val = min(len(folder.val), max(1, round(most * len(folder.val) / total)))
    train = min(len(folder.train), most - val)
    sides: list[tuple[SideName, list[Pair], int]] = [
        ("train", folder.train, train),
        ("val", folder.val, min(len(folder.val), most - train)),
    ]
    return [(name, pairs[place]) for name, pairs, count in sides for place in evenly(len(pairs), count)]


def shown_pair(folder: Folder, side: SideName, pair: Pair, longest: int) -> ShownPair:
    """A pair with no more than about `longest` pixels a side; of a volume the slice with the most foreground."""
    slices, height, width = pair.header.shape
    step = step_of(pair, longest)
    number = 0
    if slices > 1:
        labels = folder.labels_of(pair)
        coarse = each(step * max(1, min(height, width) // step // 64))
        foreground = [int((labels((one, *coarse)) > 0).sum()) for one in range(slices)]
        number = int(np.argmax(foreground)) if any(foreground) else slices // 2
    shown = shown_slice(folder, pair, number, step)
    return ShownPair(
        name=pair.files.name,
        side=side,
        slice=number + 1,
        slices=slices,
        share=pair_share(folder.meaning, pair),
        contrast=shown.contrast,
        picture=shown.picture,
        labels=shown.labels,
        overlay=overlaid(shown.picture, shown.labels),
    )
