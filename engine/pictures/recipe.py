"""All that is needed to find in a new picture what was learnt, beside the weights: it travels in the checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from ...errors import UsageError
from .checked_pairs import COLOUR, GREY
from .meaning import BLACK, MaskClass, Meaning
from .scale import Scale

WHITE = 255
MOST_GREY, MOST_COLOUR = (1 << 16) - 1, (1 << 24) - 1
VERSION = 1
"""Of what stands in a checkpoint; a newer one is not understood."""


class Written(msgspec.Struct, frozen=True):
    """A class as it is written into a mask."""

    name: str
    value: int
    """0 to 65535, or a colour, 0xRRGGBB."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How pictures become numbers for the network, and what it answers becomes a mask."""

    channels: int
    """That the network gets."""
    files: int
    """That a picture consists of: one, or one a channel."""
    scale: Scale
    classes: list[Written]
    """The background first."""
    binary: bool
    """The network has one output, for the foreground; otherwise one for each class."""
    coloured: bool
    """The values are colours."""
    version: int = VERSION

    @property
    def outputs(self) -> int:
        """Of the network."""
        return 1 if self.binary else len(self.classes)

    @property
    def several_files(self) -> bool:
        """Whether ``case_0000`` and ``case_0001`` are one picture; three grey files are not a coloured one."""
        return self.files > 1 or self.channels not in (GREY, COLOUR)

    def plain(self) -> dict[str, Any]:
        """As values that ``torch.load(weights_only=True)`` takes."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values

    def takes(self, channels: Sequence[int]) -> bool:
        """Whether a picture of files with so many channels each fits; a grey one fits a network for colours."""
        alone = len(channels) == 1 and self.files == 1
        return sum(channels) == self.channels or (alone and channels[0] == GREY and self.channels == COLOUR)

    def scaled(self, parts: Sequence[Any]) -> Any:
        """What the network gets of a place in a picture, [C, H, W] float32.

        `parts` are the numbers there of each of its files, [H, W] or [H, W, C].
        """
        scaled = [self.scale.scaled(part) for part in parts]
        channels = [one[None] if one.ndim == 2 else one.transpose(2, 0, 1) for one in scaled]
        if len(channels) == 1 and len(channels[0]) == GREY:
            return np.repeat(channels[0], self.channels, axis=0)
        return np.concatenate(channels)

    def values(self, *, as_numbers: bool = False) -> Any:
        """The value of each class, uint8 or uint16, or uint32 for colours; with `as_numbers` its number instead."""
        values = list(range(len(self.classes))) if as_numbers else [one.value for one in self.classes]
        if self.coloured and not as_numbers:
            return np.array(values, np.uint32)
        return np.array(values, np.uint8 if max(values) <= np.iinfo(np.uint8).max else np.uint16)


def recipe_from(plain: Mapping[str, Any]) -> Recipe:
    """The recipe that `Recipe.plain` told; raises `ValueError` for what is none, or is of a newer version."""
    try:
        recipe = msgspec.convert(plain, Recipe)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if recipe.version > VERSION:
        raise ValueError(f"version {recipe.version}")
    return recipe


def check_same_classes(then: Recipe, now: Recipe) -> None:
    """Raise `UsageError` where the outputs of a network that learnt by `then` would mean other classes `now`."""
    if now.binary or [one.value for one in then.classes] == [one.value for one in now.classes]:
        return
    names = [", ".join(one.name for one in recipe.classes) for recipe in (then, now)]
    raise UsageError("resume_classes", then=names[0], now=names[1])


def written_classes(meaning: Meaning) -> list[Written]:
    """The classes with the values that are written for them.

    It is the value that a class has in the masks that were learnt from, the first where it has several. Soft edges
    and objects become 0 and 255. So do two classes with values that no picture can hold, fractions for example;
    where there are more, they get their numbers.
    """
    names = [one.name for one in meaning.classes]
    values: list[float | None]
    if meaning.kind in ("soft", "objects"):
        values = [BLACK, WHITE]
    else:
        others = [one.values[0] if one.values else None for one in meaning.classes[1:]]
        values = [_background(meaning.classes[0], others), *others]
    most = MOST_COLOUR if meaning.coloured else MOST_GREY
    whole = [int(value) for value in values if value is not None and value == int(value) and 0 <= value <= most]
    if len(set(whole)) != len(names):
        whole = [0, WHITE] if len(names) == 2 else list(range(len(names)))
    return [Written(name, value) for name, value in zip(names, whole, strict=True)]


def _background(background: MaskClass, others: Sequence[float | None]) -> float | None:
    """0 where it may be that: it has it, or it has no value because nothing was background."""
    if BLACK in background.values or (not background.values and BLACK not in others):
        return BLACK
    return background.values[0] if background.values else None
