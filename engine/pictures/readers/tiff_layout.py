"""What a TIFF holds, by tifffile: which of its axes are slices, and which channels.

The first series counts, at its full size: thumbnails and the levels of a pyramid are no slices. Samples (S) and
channels (C) are channels; rows and columns are Y and X; all others, depth, time or unknown ones, are slices.
"""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile

from .pillow_pages import SIDEWAYS, as_shown
from .quiet import silence

CHANNELS = "CS"
PLANE = "YX"
UINT = 1
"""Of TIFF's sample formats."""
ALPHA = (1, 2)
"""Of TIFF's meanings of a sample beside the colours."""

silence(logging.getLogger("tifffile"))


@dataclass(frozen=True)
class Layout:
    """Where the slices of an opened TIFF are."""

    series: Any
    """tifffile's, at full size."""
    axes: str
    shape: tuple[int, ...]
    """Along the axes, none left out."""

    @property
    def page(self) -> Any:
        """The first one, as tifffile has it."""
        return self.series.keyframe

    def count(self, axes: str) -> int:
        """How many there are along these axes together."""
        return math.prod(size for axis, size in zip(self.axes, self.shape, strict=True) if axis in axes)

    @property
    def channels(self) -> int:
        """1 if there is no axis of them."""
        return self.count(CHANNELS)

    @property
    def slices(self) -> int:
        """1 for a flat picture."""
        return self.count("".join(set(self.axes) - set(CHANNELS + PLANE)))

    @property
    def orientation(self) -> int:
        """As in EXIF: how the rows and columns are to be turned."""
        tag = self.page.tags.get("Orientation")
        return 1 if tag is None else int(tag.value)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the slices once they are turned."""
        size = self.count("Y"), self.count("X")
        return size[::-1] if self.orientation in SIDEWAYS else size

    def page_numbers(self) -> list[int] | None:
        """The pages that are the slices, one each; None if they are not, or are in another file."""
        pages = self.series.pages
        if len(pages) != self.slices or any(page is None or page.parent is not self.page.parent for page in pages):
            return None
        return [page.index for page in pages]

    def is_ordinary(self) -> bool:
        """Whether Pillow reads all that is in a page but alpha: it has at most 8 bit, or 16 bit of grey."""
        page = self.page
        bits = np.max(page.bitspersample)
        if page.sampleformat != UINT or any(kind not in ALPHA for kind in page.extrasamples):
            return False
        return bool(bits <= 8 or (bits == 16 and page.samplesperpixel == 1))

    def is_packed_for_imagecodecs(self) -> bool:
        """Whether tifffile cannot unpack it by itself, and imagecodecs is not there."""
        page, known = self.page, tifffile.TIFF
        return page.compression not in known.DECOMPRESSORS or page.predictor not in known.UNPREDICTORS

    def voxels(self) -> Any:
        """[S, H, W] or [S, H, W, C], turned."""
        voxels = self.series.asarray().reshape(self.shape)
        order = sorted(range(len(self.axes)), key=lambda place: _rank(self.axes[place]))
        height, width = self.count("Y"), self.count("X")
        channels = (self.channels,) if self.channels > 1 else ()
        voxels = voxels.transpose(order).reshape(self.slices, height, width, *channels)
        return np.ascontiguousarray(as_shown(voxels, self.orientation))


def layout_of(tiff: Any) -> Layout:
    """Of an opened TIFF; raises OSError if pages or pixels are missing."""
    try:
        series = tiff.series[0].levels[0]
        layout = Layout(series, series.get_axes(squeeze=False), series.get_shape(squeeze=False))
        _check_pages(tiff, layout)
        _check_pixels(layout)
    except struct.error as error:
        raise OSError("the file is truncated in the list of its pages") from error
    return layout


def _rank(axis: str) -> int:
    return PLANE.index(axis) + 1 if axis in PLANE else 3 if axis in CHANNELS else 0


def _check_pages(tiff: Any, layout: Layout) -> None:
    """What cannot be read, and all pages behind it, would be left out."""
    behind, _ = _directory(tiff, tiff.pages[0].offset)
    if behind > tiff.filehandle.size:
        raise OSError("the file is truncated: what it says of itself is missing")
    _, following = _directory(tiff, tiff.pages[-1].offset)
    if following and following not in {page.offset for page in tiff.pages}:
        raise OSError(f"the file is truncated behind page {len(tiff.pages)}")
    told = (tiff.imagej_metadata or {}).get("images", 1)
    if told > layout.slices * layout.count("C"):
        raise OSError(f"the file is truncated: it tells of {told} images")


def _directory(tiff: Any, offset: int) -> tuple[int, int]:
    """Of the list of tags at `offset`: where the last value of them ends, and where the next list begins."""
    form, file = tiff.tiff, tiff.filehandle
    file.seek(offset)
    (count,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    tags = [file.read(form.tagsize) for _ in range(count)]
    (following,) = struct.unpack(form.offsetformat, file.read(form.offsetsize))
    return max(_end_of(tag, form) for tag in tags), following


def _end_of(tag: bytes, form: Any) -> int:
    """Where the value of a tag ends; 0 if it stands in the tag itself."""
    head = struct.calcsize(form.tagformat1)
    _, kind = struct.unpack(form.tagformat1, tag[:head])
    count, value = struct.unpack(form.tagformat2, tag[head:])
    size = int(count) * struct.calcsize(str(tifffile.TIFF.DATA_FORMATS.get(kind, "0s")))
    if size <= form.tagoffsetthreshold:
        return 0
    (offset,) = struct.unpack(form.offsetformat, value[: form.offsetsize])
    return int(offset) + size


def _check_pixels(layout: Layout) -> None:
    """What is missing would be filled up."""
    series = layout.series
    if series.dataoffset is not None:
        size = series.parent.filehandle.size
        if series.dataoffset + math.prod(layout.shape) * series.dtype.itemsize > size:
            raise OSError("the file is truncated")
        return
    for page in series.pages:
        if page is None:
            raise OSError("a page is missing, or is in another file that is not there")
        size = page.parent.filehandle.size
        segments = zip(page.dataoffsets, page.databytecounts, strict=True)
        if any(offset + count > size for offset, count in segments):
            raise OSError(f"page {page.index + 1} is truncated")
