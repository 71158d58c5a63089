"""Pairs of which all is known, and that fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError
from .mask_facts import MaskFacts
from .pairs import FilePair
from .reader import Header
from .scan import PictureFacts
from .scan_memory import Files

GREY, COLOUR = 1, 3


@dataclass(frozen=True)
class Pair:
    """A picture and its mask."""

    files: FilePair
    header: Header
    """Of the picture's first file."""
    mask: MaskFacts


def check_pairs(
    pairs: Sequence[FilePair], pictures: Mapping[Path, PictureFacts], masks: Mapping[Files, MaskFacts]
) -> list[Pair]:
    """The pairs; raises `UsageError` where the channels of a picture differ in size."""
    return [_checked(pair, pictures, masks[pair.masks]) for pair in pairs]


def channels_of(pairs: Sequence[FilePair], pictures: Mapping[Path, PictureFacts]) -> int:
    """How many channels the network gets. Grey ones beside coloured ones become coloured; raises `UsageError`."""
    by_number: dict[int, str] = {}
    for pair in pairs:
        channels = sum(pictures[path].header.channels for path in pair.images)
        by_number.setdefault(channels, pair.images[0].name)
    if set(by_number) == {GREY, COLOUR}:
        return COLOUR
    if len(by_number) > 1:
        (few, one), (many, another) = sorted(by_number.items())[:2]
        raise UsageError("channels_differ", first=one, few=few, second=another, many=many)
    return next(iter(by_number))


def _checked(pair: FilePair, pictures: Mapping[Path, PictureFacts], mask: MaskFacts) -> Pair:
    header = pictures[pair.images[0]].header
    for path in pair.images[1:]:
        other = pictures[path].header
        if other.shape != header.shape:
            raise UsageError(
                "channel_sizes",
                first=str(pair.images[0]),
                size=header.size,
                second=str(path),
                other=other.size,
            )
    return Pair(pair, header, mask)
