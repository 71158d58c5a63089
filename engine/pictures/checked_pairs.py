"""Pairs of which all is known, and that fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError
from .mask_facts import MaskFacts
from .pairs import FilePair
from .scan import PictureFacts
from .scan_memory import Files

GREY, COLOUR = 1, 3


@dataclass(frozen=True)
class Pair:
    """A picture and its mask."""

    files: FilePair
    shape: tuple[int, int, int]
    """Slices, height and width."""
    mask: MaskFacts


def check_pairs(
    pairs: Sequence[FilePair], pictures: Mapping[Path, PictureFacts], masks: Mapping[Files, MaskFacts]
) -> list[Pair]:
    """The pairs; raises `UsageError` where a picture and its mask, or channels of a picture, differ in size."""
    return [_checked(pair, pictures, masks[pair.masks]) for pair in pairs]


def channels_of(pairs: Sequence[FilePair], pictures: Mapping[Path, PictureFacts]) -> int:
    """How many channels the network gets. Grey ones beside coloured ones become coloured; raises `UsageError`."""
    by_number: dict[int, str] = {}
    for pair in pairs:
        channels = sum(pictures[path].channels for path in pair.images)
        by_number.setdefault(channels, pair.images[0].name)
    if set(by_number) == {GREY, COLOUR}:
        return COLOUR
    if len(by_number) > 1:
        (few, one), (many, another) = sorted(by_number.items())[:2]
        raise UsageError("channels_differ", first=one, few=few, second=another, many=many)
    return next(iter(by_number))


def size_text(shape: tuple[int, int, int]) -> str:
    """Width × height, and × slices where there are several."""
    slices, height, width = shape
    return f"{width}×{height}" + (f"×{slices}" if slices > 1 else "")


def _checked(pair: FilePair, pictures: Mapping[Path, PictureFacts], mask: MaskFacts) -> Pair:
    shape = pictures[pair.images[0]].shape
    for path in pair.images[1:]:
        other = pictures[path].shape
        if other != shape:
            raise UsageError(
                "channel_sizes",
                first=str(pair.images[0]),
                size=size_text(shape),
                second=str(path),
                other=size_text(other),
            )
    if mask.shape != shape:
        raise UsageError(
            "sizes_differ", image=str(pair.images[0]), image_size=size_text(shape), mask_size=size_text(mask.shape)
        )
    return Pair(pair, shape, mask)
