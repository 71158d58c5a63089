"""TIFF: pages as Pillow reads them where it reads all that is in them, by tifffile all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from ....errors import UsageError
from ..mask_pixels import MaskPixels, mask_of_colours, objects_of, stack_of
from ..reader import Header
from .pillow_masks import page_mask
from .pillow_pages import header_of, opened, page_pixels
from .placing import check_size
from .quiet import quiet
from .suffixes import TIFF
from .tiff_layout import Layout, layout_of

UNPACKED_BY_PILLOW = ("uint8", "uint16", "int16", "int32", "float32")
"""Numbers that Pillow gives as they are, but for colours of 16 bit, of which it gives the upper 8."""

Pages = list[int]
"""Numbers of the pages that Pillow reads, one for each slice."""


class TiffReader:
    """Reads pictures, stacks of pages, any channels, any real numbers."""

    suffixes = TIFF

    def header(self, path: Path) -> Header:
        """The header of all slices."""
        with _laid_out(path) as found:
            if isinstance(found, Layout):
                return Header(found.slices, *found.size, found.channels, found.series.dtype.name)
            with opened(path) as picture:
                picture.seek(found[0])
                return replace(header_of(picture), slices=len(found))

    def pixels(self, path: Path) -> Any:
        """The pixels, [S, H, W] or [S, H, W, C]."""
        with _laid_out(path) as found:
            if isinstance(found, Layout):
                return _voxels(path, found)
            if len(found) == 1:
                return next(_each(path, found, page_pixels))[None]
            return np.stack(list(_each(path, found, page_pixels)))

    def mask(self, path: Path, like: Header) -> MaskPixels:
        """The file as a mask: pages over a flat picture are objects, over one of as many slices they are slices."""
        with _laid_out(path) as found:
            if isinstance(found, Layout):
                masks = [_mask_of(path, voxels) for voxels in _voxels(path, found)]
            else:
                masks = list(_each(path, found, page_mask))
        mask = stack_of([objects_of(masks)] if len(masks) > 1 and like.slices == 1 else masks)
        check_size(path, mask.numbers, like)
        return mask

    def mask_suffix(self, like: Path) -> str:
        """A TIFF may have slices."""
        return ".tif"

    def write_mask(self, path: Path, numbers: Any, like: Path) -> None:
        """Write a page for each slice of [S, H, W]."""
        tifffile.imwrite(path, numbers, photometric="minisblack", compression="zlib", metadata={"axes": "ZYX"})


@contextmanager
def _laid_out(path: Path) -> Iterator[Layout | Pages]:
    """Where its slices are, for tifffile; or which pages they are, for Pillow."""
    with quiet():
        try:
            tiff = tifffile.TiffFile(path)
        except tifffile.TiffFileError:  # of another format under this name, which Pillow may know
            yield [0]
            return
        with tiff:
            layout = layout_of(tiff)
            pages = _pages_for_pillow(path, layout)
            yield layout if pages is None else pages


def _pages_for_pillow(path: Path, layout: Layout) -> Pages | None:
    """None if tifffile is to read it; raises `UsageError` if neither can."""
    packed = layout.is_packed_for_imagecodecs()
    pages = layout.page_numbers()
    for_pillow = layout.is_ordinary() or (packed and layout.series.dtype.name in UNPACKED_BY_PILLOW)
    if pages is not None and for_pillow and _is_opened_by_pillow(path):
        return pages
    if packed:
        raise UsageError("codec_needed", path=str(path), codec=layout.page.compression.name)
    return None


def _is_opened_by_pillow(path: Path) -> bool:
    try:
        with opened(path):
            return True
    except UnidentifiedImageError:
        return False


def _each(path: Path, pages: Sequence[int], read: Callable[[Image.Image], Any]) -> Iterator[Any]:
    with opened(path) as picture:
        for page in pages:
            picture.seek(page)
            yield read(picture)


def _voxels(path: Path, layout: Layout) -> Any:
    voxels = layout.voxels()
    if voxels.dtype.kind not in "biuf":
        raise UsageError("numbers_unknown", path=str(path), number=voxels.dtype.name)
    return voxels


def _mask_of(path: Path, voxels: Any) -> MaskPixels:
    """A slice, [H, W] or [H, W, C], as a mask."""
    if voxels.ndim == 2:
        return MaskPixels(voxels.astype(np.uint8) if voxels.dtype == bool else voxels, coloured=False)
    if (voxels == voxels[..., :1]).all():
        return MaskPixels(np.ascontiguousarray(voxels[..., 0]), coloured=False)
    if voxels.dtype != np.uint8 or voxels.shape[-1] != 3:
        raise UsageError("mask_channels", path=str(path), channels=voxels.shape[-1])
    return mask_of_colours(voxels)
