"""Which mask belongs to which picture, and what both are by their headers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ...errors import UsageError
from .upright import upright_size

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
COLOURED = ("RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "P", "PA")
"""Modes of pictures that may have colours."""
SHOWN = 3
"""Names, where there are many."""


@dataclass(frozen=True)
class Pair:
    """A picture and its mask."""

    image: Path
    mask: Path
    width: int
    height: int
    coloured: bool
    """The picture may have colours."""


def find_pairs(folder: Path) -> list[Pair]:
    """The pairs of `folder`, sorted by name; raises `UsageError` for what is missing or unequal by its headers."""
    images, masks = _pictures(folder / "images"), _pictures(folder / "masks")
    if not images:
        raise UsageError("data_empty", path=str(folder / "images"))
    missing = [path.name for stem, path in images.items() if stem not in masks]
    if missing:
        raise UsageError(
            "masks_missing", count=len(missing), path=str(folder / "masks"), names=first_names(missing)
        )
    return [_checked(path, masks[stem]) for stem, path in images.items()]


def first_names(names: list[str]) -> str:
    """The first ones, and a sign that there are more."""
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _pictures(folder: Path) -> dict[str, Path]:
    """By the name without suffix. What begins with a dot is something that a system keeps beside its files."""
    if not folder.is_dir():
        raise UsageError("data_missing", path=str(folder))
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        stem = unicodedata.normalize("NFC", path.stem)  # a Mac writes an umlaut as two characters
        if stem in found:
            raise UsageError("picture_twice", first=found[stem].name, second=path.name, path=str(folder))
        found[stem] = path
    return found


def _checked(image: Path, mask: Path) -> Pair:
    width, height, mode = _header(image)
    mask_width, mask_height, _ = _header(mask)
    if (width, height) != (mask_width, mask_height):
        raise UsageError(
            "sizes_differ",
            image=str(image),
            image_size=f"{width}×{height}",
            mask_size=f"{mask_width}×{mask_height}",
        )
    return Pair(image, mask, width, height, mode in COLOURED)


def _header(path: Path) -> tuple[int, int, str]:
    """Width, height and mode as it is shown."""
    try:
        with Image.open(path) as picture:
            return *upright_size(picture), picture.mode
    except Exception as error:
        raise UsageError("image_unreadable", path=str(path), reason=str(error)) from error
