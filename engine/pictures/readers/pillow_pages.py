"""A page that Pillow has opened, as numbers: upright, and with little memory beside them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ....errors import UsageError
from ..reader import Header
from ..strips import strips

FORMATS = [
    plugin.format
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        TiffImagePlugin.TiffImageFile,
        BmpImagePlugin.BmpImageFile,
        GifImagePlugin.GifImageFile,
        WebPImagePlugin.WebPImageFile,
    )
]
GREY = ("1", "L", "LA", "La")
SIDEWAYS = range(5, 9)
"""EXIF's orientations with which height and width change places."""
UPSIDE_DOWN = (3, 4, 6, 7)
"""Those whose rows, as they are stored, then run the other way."""
MIRRORED = (2, 3, 7, 8)
"""Those whose columns do."""
WIDTH, HEIGHT = TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH
"""Tags of a TIFF: its size before it is turned."""


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The picture in a file, of which only the header has been read.

    `Image.open` would take a large slide for an attack on a server. So the plugins are asked as it asks them, and
    Pillow's limit stays what it is for everybody else in the process.
    """
    with path.open("rb") as file:
        try:
            picture = _of_known_format(file) or Image.open(path)
        except Image.DecompressionBombError as error:
            raise UsageError("picture_too_large", path=str(path)) from error
        with picture:
            yield picture


def _of_known_format(file: Any) -> Image.Image | None:
    start = file.read(16)
    for name in FORMATS:
        factory, accepts = Image.OPEN[name]
        if accepts is None or accepts(start) is not True:
            continue
        file.seek(0)
        try:
            return factory(file, "")  # without a name: Pillow maps a turned grey TIFF by the wrong size
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Pillow takes them: not this format
            continue
    return None


def header_of(picture: Image.Image) -> Header:
    """The header of an opened page, whose pixels need not be read."""
    width, height = picture.size
    if _orientation(picture) in SIDEWAYS:
        width, height = height, width
    channels = 3 if _shown_as(picture) == "RGB" else 1
    return Header(1, height, width, channels, np.dtype(_number(picture)).name)


def page_pixels(picture: Image.Image) -> Any:
    """An opened page as [H, W] or, in colour, [H, W, 3]; more than 8 bit of grey stay as they are."""
    return upright_numbers(picture, _shown_as(picture), _number(picture))


def upright_numbers(picture: Image.Image, mode: str | None, number: Any) -> Any:
    """The page in Pillow's `mode` (None: its own), turned as EXIF says; each pixel is converted by itself."""
    width, height = picture.size
    orientation = _orientation(picture)
    _allow_large(picture)
    channels = Image.getmodebands(mode or picture.mode)
    size = (width, height) if orientation in SIDEWAYS else (height, width)
    numbers = np.empty(size if channels == 1 else (*size, channels), number)
    stored = _as_stored(numbers, orientation)
    for rows in strips(height, width):
        strip = picture.crop((0, rows.start, width, rows.stop))
        if mode != "RGBA":
            strip.info = {}  # no transparency, about which Pillow would warn and change nothing
        stored[rows] = np.asarray(strip.convert(mode) if mode else strip)
    return numbers


def _shown_as(picture: Image.Image) -> str | None:
    """The mode that a page is converted to; None for numbers of more than 8 bit."""
    if picture.mode[0] in "IF":
        return None
    return "L" if picture.mode in GREY or _has_grey_palette(picture) else "RGB"


def _number(picture: Image.Image) -> Any:
    if picture.mode[0] not in "IF":
        return np.uint8
    return {"I": np.int32, "F": np.float32}.get(picture.mode, np.uint16)


def _has_grey_palette(picture: Image.Image) -> bool:
    if picture.mode != "P" or picture.palette is None:
        return False
    of_palette = Image.new("P", (1, 1))
    of_palette.putpalette(picture.palette.palette, picture.palette.rawmode or picture.palette.mode)
    colours = np.asarray(of_palette.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _orientation(picture: Image.Image) -> int:
    """EXIF's number for it. Pillow turns a TIFF by itself."""
    if "exif" not in picture.info:
        return 1
    return int(picture.getexif().get(ExifTags.Base.Orientation, 1))


def _as_stored(numbers: Any, orientation: int) -> Any:
    """A view of upright numbers in which they lie as in the file."""
    if orientation in SIDEWAYS:
        numbers = numbers.swapaxes(0, 1)
    if orientation in UPSIDE_DOWN:
        numbers = numbers[::-1]
    if orientation in MIRRORED:
        numbers = numbers[:, ::-1]
    return numbers


def as_shown(numbers: Any, orientation: int) -> Any:
    """The way back: a view of stored slices, [S, H, W] or [S, H, W, C], in which they lie upright."""
    if orientation in MIRRORED:
        numbers = numbers[:, :, ::-1]
    if orientation in UPSIDE_DOWN:
        numbers = numbers[:, ::-1]
    return numbers.swapaxes(1, 2) if orientation in SIDEWAYS else numbers


def _allow_large(picture: Image.Image) -> None:
    """Give a large TIFF the memory that Pillow would not give it."""
    limit = Image.MAX_IMAGE_PIXELS
    large = limit is not None and picture.width * picture.height > limit
    if large and isinstance(picture, TiffImagePlugin.TiffImageFile) and picture.tile:
        tags = picture.tag_v2
        picture.im = Image.new(picture.mode, (tags[WIDTH], tags[HEIGHT]), None).im
