"""Which pictures are kept for validation.

The first that holds counts: folders ``train/`` and ``val/``, each with pictures and masks; a file ``val.txt`` with
the names of those to keep; groups, a patient's slices for example, which are never on both sides: what comes before
the last ``_`` of a name is the group; every fifth picture by name.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError
from ..task import Said, some_of
from .pairs import FilePair, PicturesFound, find_pairs

VALIDATE_EVERY = 5
NAMES_FILE = "val.txt"


@dataclass(frozen=True)
class Split:
    """All pairs, apart."""

    train: list[FilePair]
    val: list[FilePair]
    found: PicturesFound
    said: list[Said]
    """By what they were parted, where that is not every fifth picture."""


def find_split(folder: Path) -> Split:
    """The pairs of `folder`; raises `UsageError` for what is missing, unreadable or leaves one side empty."""
    if (folder / "train").is_dir():
        train, val = find_pairs(folder / "train"), find_pairs(folder / "val")
        both = dataclasses.replace(
            train,
            pairs=[*train.pairs, *val.pairs],
            left_out=[*train.left_out, *val.left_out],
            classes=train.classes or val.classes,
        )
        return Split(train.pairs, val.pairs, both, [("split_by_folder", {})])
    found = find_pairs(folder)
    pairs = found.pairs
    if len(pairs) < 2:
        raise UsageError("too_small", count=len(pairs))
    names = folder / NAMES_FILE
    if names.exists():
        return _by_names(found, names)
    groups: dict[str, list[FilePair]] = {}
    for pair in pairs:
        groups.setdefault(group_of(pair.name), []).append(pair)
    if len(groups) in (1, len(pairs)):
        return Split(*_every_fifth([[pair] for pair in pairs]), found, [])
    largest = max(groups, key=lambda name: len(groups[name]))
    said: Said = ("split_by_group", {"groups": len(groups), "name": largest, "count": len(groups[largest])})
    return Split(*_every_fifth(list(groups.values())), found, [said])


def group_of(name: str) -> str:
    """What the pictures of a group have in common in their names."""
    return name.rpartition("_")[0] or name


def _every_fifth(groups: list[list[FilePair]]) -> tuple[list[FilePair], list[FilePair]]:
    every = min(VALIDATE_EVERY, len(groups))
    train = [pair for number, group in enumerate(groups) if number % every != every - 1 for pair in group]
    return train, [pair for group in groups[every - 1 :: every] for pair in group]


def _by_names(found: PicturesFound, names: Path) -> Split:
    """Each line has the name of a picture, with or without its suffix."""
    try:
        lines = [line.strip() for line in names.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeError) as error:
        raise UsageError("split_unreadable", path=str(names), reason=str(error)) from error
    wanted = {_composed(line) for line in lines if line}
    spelled = [{pair.name, *(_composed(path.name) for path in pair.images)} for pair in found.pairs]
    unknown = wanted - {name for names_of_one in spelled for name in names_of_one}
    if unknown:
        raise UsageError("split_unknown", path=str(names), names=some_of(sorted(unknown)))
    val = [pair for pair, known in zip(found.pairs, spelled, strict=True) if known & wanted]
    train = [pair for pair, known in zip(found.pairs, spelled, strict=True) if not known & wanted]
    if not val or not train:
        raise UsageError("split_one_side", path=str(names), val=len(val), train=len(train))
    return Split(train, val, found, [("split_by_file", {"path": str(names)})])


def _composed(name: str) -> str:
    """A Mac writes an umlaut as two characters."""
    return unicodedata.normalize("NFC", name)
