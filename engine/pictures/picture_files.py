"""Which pictures somebody means who names files and folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError
from ..task import Said
from .formats import is_picture, stem_of
from .nnunet import CHANNEL
from .pairs import left_out


@dataclass(frozen=True)
class PictureFiles:
    """A picture and its files."""

    name: str
    """Without a suffix."""
    files: tuple[Path, ...]
    """One, or one a channel."""


def pictures_at(paths: Sequence[Path], *, several_files: bool) -> tuple[list[PictureFiles], list[Said]]:
    """The pictures among `paths`, files as they are named and folders by what is in them, and what is left out.

    With `several_files`, ``case_0000`` and ``case_0001`` of one folder are channels of one picture. Raises
    `UsageError` where there is no picture at all.
    """
    files: list[Path] = []
    said: list[Said] = []
    for path in paths:
        if not path.is_dir() or is_picture(path):
            files.append(path)
            continue
        inside = sorted(one for one in path.iterdir() if not one.name.startswith("."))
        pictures = [one for one in inside if is_picture(one)]
        files += pictures
        said += left_out("left_other", [one.name for one in inside if one not in set(pictures)], path)
    if not files:
        raise UsageError("predict_no_picture", paths=", ".join(str(path) for path in paths))
    files = list(dict.fromkeys(files))
    return _grouped(files) if several_files else [PictureFiles(stem_of(path), (path,)) for path in files], said


def _grouped(files: Sequence[Path]) -> list[PictureFiles]:
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in files:
        match = CHANNEL.fullmatch(stem_of(path))
        groups.setdefault((path.parent, match["case"] if match else stem_of(path)), []).append(path)
    return [PictureFiles(name, tuple(sorted(paths))) for (_, name), paths in groups.items()]
