"""What is read of a file, whatever its format: the header, the pixels, the mask.

A file has slices: one if it is a flat picture, many if it is a volume or a stack of pages. Slices of a volume lie
along its thinnest axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .mask_pixels import MaskPixels

Affine = tuple[tuple[float, ...], ...]
"""4×4: from (slice, row, column, 1) to millimetres to the right, the front and the top of a patient, and 1."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself; read without its pixels."""

    slices: int
    height: int
    width: int
    channels: int
    """1 for grey; more have an axis of their own behind the others."""
    number: str
    """numpy's name of the number type, such as ``uint8``."""
    spacing: tuple[float, float, float] | None = None
    """Millimetres from slice to slice, row to row and column to column; None where the format does not say."""
    affine: Affine | None = None
    """Where the voxels lie; None where the file does not say."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, height and width, as a mask must have them too."""
        return self.slices, self.height, self.width

    @property
    def pixels(self) -> int:
        """Of all slices."""
        return self.slices * self.height * self.width

    @property
    def size(self) -> str:
        """Width, height and, if there are several, slices, for people."""
        return f"{self.width}×{self.height}" + (f"×{self.slices}" if self.slices > 1 else "")


class Reader(Protocol):
    """Reads files of some formats; what it cannot read raises whatever its library raises, or `UsageError`."""

    @property
    def suffixes(self) -> Sequence[str]:
        """In small letters, with their dots: ``.png``, ``.nii.gz``."""

    def header(self, path: Path) -> Header:
        """The header of a file."""

    def pixels(self, path: Path) -> Any:
        """All pixels in their own number type: [S, H, W] if they are grey, else [S, H, W, C]."""

    def mask(self, path: Path, like: Header) -> MaskPixels:
        """The file as the mask of a picture with the header `like`, in its shape and laid as it lies in the world.

        Raises `UsageError` for a mask that cannot lie on such a picture.
        """

    def mask_suffix(self, like: Path) -> str:
        """How the name of a written mask of the picture `like` ends."""

    def write_mask(self, path: Path, numbers: Any, like: Path) -> None:
        """Write a mask, uint8 or uint16 [S, H, W], that lies on the picture `like` as that lies in the world.

        It is the reader of `like` that writes, and `path` ends with its `mask_suffix`.
        """
