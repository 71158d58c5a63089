"""Pictures as they are shown: a camera writes them as it was held, and says in EXIF how to turn them."""

from __future__ import annotations

from PIL import ExifTags, Image, ImageOps

SIDEWAYS = range(5, 9)
"""Orientations with which height and width change places."""


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height of an opened picture once it is turned. Pillow turns those of a TIFF by itself."""
    width, height = picture.size
    sideways = "exif" in picture.info and picture.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS
    return (height, width) if sideways else (width, height)


def upright(picture: Image.Image) -> Image.Image:
    """The picture turned."""
    return ImageOps.exif_transpose(picture) if "exif" in picture.info else picture
