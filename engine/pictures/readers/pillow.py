"""By Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..mask_pixels import MaskPixels, read_mask
from ..reader import Header
from ..upright import upright, upright_size

COLOURED = ("RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "P", "PA")


class PillowReader:
    """PNG and the like."""

    suffixes: Sequence[str] = (".png",)

    def header(self, path: Path) -> Header:
        with Image.open(path) as picture:
            width, height = upright_size(picture)
            number = {"I;16": "uint16", "I": "int32", "F": "float32"}.get(picture.mode, "uint8")
            return Header(1, height, width, 3 if picture.mode in COLOURED else 1, number)

    def pixels(self, path: Path) -> Any:
        with Image.open(path) as opened:
            picture = upright(opened)
            if picture.mode[0] in "IF":
                return np.asarray(picture)[None]
            return np.asarray(picture.convert("RGB" if picture.mode in COLOURED else "L"))[None]

    def mask(self, path: Path, slices: int) -> MaskPixels:
        mask = read_mask(path)
        return mask._replace(numbers=mask.numbers[None])

    def write_mask(self, path: Path, numbers: Any, like: Path) -> None:
        Image.fromarray(numbers[0]).save(path)
