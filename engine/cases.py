"""How well what was found in a whole picture or volume, a case, agrees with its mask.

The Dice coefficient of a class in a case is twice the number of pixels that both the mask and what was found give
to it, divided by those that the mask does plus those that were found, over all slices of the case together. There
is none where neither has the class. The coefficient of the case is the mean over all classes but the background
that have one: with nothing but a foreground, that of the foreground. A case in which there is nothing and nothing
was found has none. Pixels that are void in the mask count nowhere, whatever was found there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .pictures.checked_pairs import Pair
from .pictures.folder import Folder
from .pictures.meaning import IGNORED
from .pictures.strips import strips


@dataclass(frozen=True)
class Case:
    """A picture or volume that was judged."""

    pair: Pair
    class_dice: tuple[float, ...]
    """Of each class but the background; nan for one that is neither there nor found."""
    slice: int
    """The one with the most wrong pixels, from 0; without any, that with the most foreground in mask or found."""

    @property
    def dice(self) -> float:
        """Of the whole case; nan where there is nothing and nothing was found."""
        return mean([dice for dice in self.class_dice if not math.isnan(dice)])


def judge(folder: Folder, pair: Pair, found: Any) -> Case:
    """Compare the classes that were found, [S, H, W], with the mask; little memory is taken beside both."""
    labels = folder.labels_of(pair)
    slices, height, width = pair.header.shape
    count = len(folder.meaning.classes)
    both, either = np.zeros(count, np.int64), np.zeros(count, np.int64)
    wrong, marked = np.zeros(slices, np.int64), np.zeros(slices, np.int64)
    for number in range(slices):
        for rows in strips(height, width):
            truth = labels((number, rows))
            known = truth != IGNORED
            truth, here = truth[known], found[number, rows][known]
            both += np.bincount(truth[truth == here], minlength=count)
            either += np.bincount(truth, minlength=count) + np.bincount(here, minlength=count)
            wrong[number] += np.count_nonzero(truth != here)
            marked[number] += np.count_nonzero(truth) + np.count_nonzero(here)
    dice = [2 * int(one) / int(all_) if all_ else math.nan for one, all_ in zip(both, either, strict=True)]
    return Case(pair, tuple(dice[1:]), int(np.argmax(wrong if wrong.any() else marked)))


def mean(numbers: Sequence[float]) -> float:
    """Of some numbers; nan of none."""
    return sum(numbers) / len(numbers) if numbers else math.nan
