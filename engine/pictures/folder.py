"""All that is known of a folder of pictures and masks before it is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..task import Progress, Said, unheard
from .checked_pairs import Pair, channels_of, check_pairs
from .class_names import class_names
from .mask_pixels import MaskPixels
from .mask_rules import meaning_of
from .meaning import Meaning
from .recipe import Recipe, written_classes
from .scale import Scale, window_of
from .scan import PictureFacts, Pictures
from .split import find_split

if TYPE_CHECKING:
    from .crops import Crops

MOSTLY = 0.5
"""A share of the foreground above which it may be the background that was marked."""


@dataclass(frozen=True)
class Folder:
    """Pictures and masks, read and understood."""

    pictures: Pictures
    train: list[Pair]
    val: list[Pair]
    facts: dict[Path, PictureFacts]
    meaning: Meaning
    channels: int
    scale: Scale
    split_said: list[Said]

    def crops(self, pairs: Sequence[Pair], seed: int | None) -> Crops:
        """Random crops of some pairs, or with None as `seed` their tiles."""
        from .crops import Crops  # torch, which those who only look do without

        return Crops(
            self.pictures, pairs, channels=self.channels, scale=self.scale, meaning=self.meaning, seed=seed
        )

    def labels_of(self, pair: Pair) -> Callable[[Any], Any]:
        """Gives the number of the class of each pixel at a place, an index of [S, H, W], of a mask; int64.

        The rest of a mask that is mapped is not read.
        """
        numbers = self.pictures.mask_numbers(pair.files.masks, pair.header)
        return lambda place: self.meaning.labels(MaskPixels(np.asarray(numbers[place]), pair.mask.coloured))

    def recipe(self) -> Recipe:
        """What is to be known to predict on other pictures."""
        return Recipe(
            channels=self.channels,
            files=max(len(pair.files.images) for pair in self.train),
            scale=self.scale,
            classes=written_classes(self.meaning),
            binary=self.meaning.binary,
            coloured=self.meaning.coloured,
        )

    def said(self) -> list[Said]:
        """What was found, and what the masks mean."""
        meaning, percent = self.meaning, 100 * self.meaning.share
        said: list[Said] = [
            ("pictures_found", {"train": len(self.train), "val": len(self.val)}),
            ("pictures_sizes", self._sizes()),
            *self.split_said,
            (f"masks_{meaning.kind}", {"values": meaning.shown(), "percent": percent}),
        ]
        several = sum(len(pair.files.masks) > 1 for pair in (*self.train, *self.val))
        if several:
            said.append(("masks_several", {"count": several}))
        if not meaning.binary:
            said.append(("masks_class_shares", {"shares": self._class_shares()}))
        if meaning.void:
            said.append(("masks_void", {}))
        if meaning.share > MOSTLY:
            said.append(("masks_mostly", {"percent": percent}))
        return said

    def _sizes(self) -> dict[str, str | int | float]:
        """From the smallest to the largest picture, channels and bits."""
        pixels = {pair.header.size: pair.header.pixels for pair in (*self.train, *self.val)}
        sizes = sorted(pixels, key=pixels.__getitem__)
        return {
            "sizes": sizes[0] if len(sizes) == 1 else f"{sizes[0]} … {sizes[-1]}",
            "channels": self.channels,
            "numbers": ", ".join(sorted({facts.header.number for facts in self.facts.values()})),
        }

    def _class_shares(self) -> str:
        meaning = self.meaning
        return ", ".join(
            f"{one.name} {100 * share:.1f}%" for one, share in zip(meaning.classes, meaning.shares, strict=True)
        )


def read_folder(
    folder: Path,
    *,
    classes: str | None = None,
    window: str | None = None,
    progress: Progress = unheard,
) -> Folder:
    """Find, read and understand what is in a folder; raises `UsageError` for all that cannot be trained on.

    `classes` and `window` are those of the command line; `progress` is told how many files are read.
    """
    numbers = window_of(window)
    split = find_split(folder)
    found = split.found
    names = class_names(classes, folder) or found.classes
    pictures = Pictures()
    images = [path for pair in found.pairs for path in pair.images]
    total = len(images) + len(found.pairs)
    facts = pictures.scan(images, lambda done: progress(done, total))
    channels = channels_of(found.pairs, facts)
    likes = {pair.masks: facts[pair.images[0]].header for pair in found.pairs}
    masks = pictures.scan_masks(likes, lambda done: progress(len(images) + done, total))
    pairs = dict(zip(found.pairs, check_pairs(found.pairs, facts, masks), strict=True))
    meaning = meaning_of({files[0]: one for files, one in masks.items()}, names)
    return Folder(
        pictures,
        [pairs[pair] for pair in split.train],
        [pairs[pair] for pair in split.val],
        facts,
        meaning,
        channels,
        Scale.of(facts.values(), numbers),
        [*found.left_out, *split.said],
    )
