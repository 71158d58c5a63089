"""Which reader reads a file."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from .reader import Reader
from .readers.pillow import PillowReader

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"}


def reader_of(path: Path) -> Reader:
    """The reader of a file."""
    return PillowReader()


def is_picture(path: Path) -> bool:
    """Whether there is a reader for it."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def stem_of(path: Path) -> str:
    """The name without suffix; a Mac writes an umlaut as two characters."""
    return unicodedata.normalize("NFC", path.stem)
