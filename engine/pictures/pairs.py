"""Which masks belong to which picture, by the names of their files.

The first that holds counts:

- the layout of nnU-Net (see `nnunet`): ``imagesTr/`` and ``labelsTr/``;
- ``images/`` and ``masks/``, where a mask has the name of its picture, or that name with ``_mask`` or a word like
  it behind it; several masks of one picture are ``name_mask_1``, ``name_mask_2``, … or lie in a folder of its name;
- pictures and masks side by side in one folder, each mask with such a word in its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ..task import Said, some_of
from .class_names import ClassNames
from .formats import is_picture, stem_of

SUFFIXED = re.compile(
    r"(?P<stem>.+?)[ _.-]?(?:masks?|seg(?:mentation)?|labels?|gt|groundtruth|annotation)(?:[ _.-]?\(?\d+\)?)?",
    re.IGNORECASE,
)
"""Name of a mask beside the name of its picture."""


@dataclass(frozen=True)
class FilePair:
    """The files of a picture and of its masks."""

    name: str
    """Of the picture, without a suffix."""
    images: tuple[Path, ...]
    """One, or one a channel."""
    masks: tuple[Path, ...]
    """One, or one an object."""


@dataclass(frozen=True)
class PicturesFound:
    """What a folder holds."""

    pairs: list[FilePair]
    """By name."""
    left_out: list[Said] = field(default_factory=list)
    """What is there and not used, and why."""
    classes: ClassNames | None = None
    """As the layout names them."""


def find_pairs(folder: Path) -> PicturesFound:
    """The pairs of `folder`; raises `UsageError` for pictures without a mask, and where there is none."""
    from .nnunet import find_nnunet, is_nnunet

    if is_nnunet(folder):
        return find_nnunet(folder)
    if (folder / "images").is_dir() or not _side_by_side(folder):
        return _in_two_folders(folder)
    return _in_one_folder(folder)


def pictures_in(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The pictures by their names without suffix, and the names of what is none; raises `UsageError`."""
    if not folder.is_dir():
        raise UsageError("data_missing", path=str(folder))
    found: dict[str, Path] = {}
    others = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):  # what a system keeps beside its files
            continue
        if not is_picture(path):
            others.append(path.name)
            continue
        stem = stem_of(path)
        if stem in found:
            raise UsageError("picture_twice", first=found[stem].name, second=path.name, path=str(folder))
        found[stem] = path
    return found, others


def pair_up(images: dict[str, Path], masks: dict[str, list[Path]], where: Path) -> list[FilePair]:
    """Pairs by name; raises `UsageError` for pictures that have no mask."""
    missing = [path.name for name, path in images.items() if name not in masks]
    if missing:
        raise UsageError("masks_missing", count=len(missing), path=str(where), names=some_of(missing))
    return [FilePair(name, (path,), tuple(masks[name])) for name, path in images.items()]


def left_out(key: str, names: list[str], where: Path) -> list[Said]:
    """What is said of files that are not used; nothing if there are none."""
    return [(key, {"count": len(names), "names": some_of(names), "path": str(where)})] if names else []


def _in_two_folders(folder: Path) -> PicturesFound:
    images, others = pictures_in(folder / "images")
    if not images:
        raise UsageError("data_empty", path=str(folder / "images"))
    where = folder / "masks"
    files, other_masks = pictures_in(where)
    masks: dict[str, list[Path]] = {}
    alone = []
    for name, path in files.items():
        owner = _owner(name, images)
        if owner is None:
            alone.append(path.name)
        else:
            masks.setdefault(owner, []).append(path)
    for name in list(other_masks):
        if name in images and (where / name).is_dir():
            inside, _ = pictures_in(where / name)
            masks.setdefault(name, []).extend(inside.values())
            other_masks.remove(name)
    said = left_out("left_other", others, folder / "images") + left_out("left_other", other_masks, where)
    return PicturesFound(pair_up(images, masks, where), said + left_out("left_masks", alone, where))


def _owner(name: str, images: dict[str, Path]) -> str | None:
    """The picture of the mask `name`: that of its name, or of what stands before a word for masks."""
    if name in images:
        return name
    match = SUFFIXED.fullmatch(name)
    return match["stem"] if match and match["stem"] in images else None


def _side_by_side(folder: Path) -> bool:
    return folder.is_dir() and any(
        SUFFIXED.fullmatch(stem_of(path)) for path in folder.iterdir() if path.is_file() and is_picture(path)
    )


def _in_one_folder(folder: Path) -> PicturesFound:
    files, others = pictures_in(folder)
    masks: dict[str, list[Path]] = {}
    for name, path in files.items():
        match = SUFFIXED.fullmatch(name)
        if match and match["stem"] in files:
            masks.setdefault(match["stem"], []).append(path)
    used = {path for paths in masks.values() for path in paths}
    images = {name: path for name, path in files.items() if path not in used}
    return PicturesFound(pair_up(images, masks, folder), left_out("left_other", others, folder))
