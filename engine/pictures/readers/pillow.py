"""PNG, JPEG, BMP, WebP and GIF, by Pillow: flat pictures, of an animation the first frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from ..mask_pixels import MaskPixels, stack_of
from ..reader import Header
from .pillow_masks import page_mask
from .pillow_pages import header_of, opened, page_pixels
from .placing import check_size
from .suffixes import PILLOW


class PillowReader:
    """Reads what Pillow reads."""

    suffixes = PILLOW

    def header(self, path: Path) -> Header:
        """The header of a file."""
        with opened(path) as picture:
            return header_of(picture)

    def pixels(self, path: Path) -> Any:
        """The picture as EXIF turns it: [1, H, W], uint8, uint16, int32 or float32, or uint8 [1, H, W, 3]."""
        with opened(path) as picture:
            return page_pixels(picture)[None]

    def mask(self, path: Path, like: Header) -> MaskPixels:
        """The file as a mask [1, H, W]; raises `UsageError` if the picture is of another size."""
        with opened(path) as picture:
            mask = stack_of([page_mask(picture)])
        check_size(path, mask.numbers, like)
        return mask

    def mask_suffix(self, like: Path) -> str:
        """Always a PNG, which loses nothing."""
        return ".png"

    def write_mask(self, path: Path, numbers: Any, like: Path) -> None:
        """Write [1, H, W] as a grey PNG of 8 or 16 bit, as `like` is shown."""
        (page,) = numbers
        Image.fromarray(page).save(path, "PNG")
