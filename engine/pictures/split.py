"""Which pictures are kept for validation.

The first that holds counts: folders ``train/`` and ``val/`` with ``images/`` and ``masks/`` in each; a file
``val.txt`` with the names of those to keep; groups, a patient's slices for example, which are never on both sides:
what comes before the last ``_`` of a name is the group; every fifth picture by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError
from ..task import Said
from .pairs import Pair, find_pairs, first_names

VALIDATE_EVERY = 5
NAMES_FILE = "val.txt"


@dataclass(frozen=True)
class Split:
    """All pairs, apart."""

    train: list[Pair]
    val: list[Pair]
    said: list[Said]
    """By what they were parted, where that is not every fifth picture."""


def find_split(folder: Path) -> Split:
    """The pairs of `folder`; raises `UsageError` for what is missing, unreadable or leaves one side empty."""
    if (folder / "train").is_dir():
        train, val = find_pairs(folder / "train"), find_pairs(folder / "val")
        return Split(train, val, [("split_by_folder", {})])
    pairs = find_pairs(folder)
    if len(pairs) < 2:
        raise UsageError("too_small", count=len(pairs))
    names = folder / NAMES_FILE
    if names.exists():
        return _by_names(pairs, names)
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.image.stem.rpartition("_")[0] or pair.image.stem, []).append(pair)
    if len(groups) in (1, len(pairs)):
        return Split(*_every_fifth([[pair] for pair in pairs]), [])
    largest = max(groups, key=lambda name: len(groups[name]))
    said: Said = ("split_by_group", {"groups": len(groups), "name": largest, "count": len(groups[largest])})
    return Split(*_every_fifth(list(groups.values())), [said])


def _every_fifth(groups: list[list[Pair]]) -> tuple[list[Pair], list[Pair]]:
    every = min(VALIDATE_EVERY, len(groups))
    train = [pair for number, group in enumerate(groups) if number % every != every - 1 for pair in group]
    return train, [pair for group in groups[every - 1 :: every] for pair in group]


def _by_names(pairs: list[Pair], names: Path) -> Split:
    """Each line has the name of a picture, with or without its suffix."""
    try:
        lines = [line.strip() for line in names.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeError) as error:
        raise UsageError("split_unreadable", path=str(names), reason=str(error)) from error
    known = {name for pair in pairs for name in (pair.image.name, pair.image.stem)}
    unknown = [line for line in lines if line and line not in known]
    if unknown:
        raise UsageError("split_unknown", path=str(names), names=first_names(unknown))
    val = [pair for pair in pairs if {pair.image.name, pair.image.stem} & set(lines)]
    train = [pair for pair in pairs if pair not in val]
    if not val or not train:
        raise UsageError("split_one_side", path=str(names), val=len(val), train=len(train))
    return Split(train, val, [("split_by_file", {"path": str(names)})])
