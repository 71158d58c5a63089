"""Masks as files: in the format of their pictures, and whole or not at all."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .formats import reader_of
from .recipe import Recipe

IN_COLOUR = (".png", ".tif", ".tiff")
"""Formats in which a mask of colours is written; elsewhere it has the numbers of its classes."""


def write_mask(path: Path, labels: Any, recipe: Recipe, like: Path) -> None:
    """Write class numbers [S, H, W] as the mask of the picture `like`, each with the value of its class.

    Raises what the library of the format raises.
    """
    if recipe.coloured and path.suffix.lower() in IN_COLOUR:
        _write_colours(path, labels, recipe)
    else:
        reader_of(like).write_mask(path, recipe.values(as_numbers=recipe.coloured)[labels], like)


@contextlib.contextmanager
def put_in_place(folder: Path) -> Iterator[Path]:
    """A new folder for files that all go to `folder` once they are written, and vanish if that fails.

    They have their names from the start: a header may name the file of its pixels. Raises `OSError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".everybatch-", dir=folder) as name:
        temporary = Path(name)
        yield temporary
        for path in sorted(temporary.iterdir()):
            path.replace(folder / path.name)


def _write_colours(path: Path, labels: Any, recipe: Recipe) -> None:
    values = recipe.values()
    colours = np.stack([values >> 16, values >> 8 & 0xFF, values & 0xFF], axis=1).astype(np.uint8)
    first, *others = [Image.fromarray(colours[page]) for page in labels]
    if others:
        first.save(path, save_all=True, append_images=others)
    else:
        first.save(path)
