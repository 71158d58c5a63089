"""NIfTI volumes, by nibabel; their slices are those of `placing`.

Two dimensions are one slice. A fourth dimension of few is channels, as is a fifth behind one of one; RGB voxels are
three channels. A volume whose codes say that it lies nowhere (qform and sform 0) has no affine.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel import imageglobals

from ....errors import UsageError
from ..mask_pixels import MaskPixels
from ..reader import Header
from .placing import Order, laid_on, order_of, volume_header
from .quiet import quiet, silence
from .suffixes import NIFTI

MOST_CHANNELS = 8
"""More along a fourth axis are points in time or directions, each a volume of its own."""
GZIP = b"\x1f\x8b"
INTEGERS = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64)

silence(imageglobals.logger)


class NiftiReader:
    """Reads .nii and .nii.gz, with scl_slope and scl_inter applied (CT in HU).

    The number type is that of the file, unless it is scaled: by whole numbers to the smallest integers that hold
    all that the file's type could hold, else to float32.
    """

    suffixes = NIFTI

    def header(self, path: Path) -> Header:
        """The header of a volume; raises `UsageError` for what is not one volume of real numbers."""
        image = _loaded(path)
        shape, channels = _shape_of(path, image)
        codes = image.header["qform_code"], image.header["sform_code"]
        number = np.dtype(_number_of(path, image)).name
        return volume_header(shape, _spacing_of(image), channels, number, image.affine if any(codes) else None)

    def pixels(self, path: Path) -> Any:
        """The voxels, [S, H, W] or [S, H, W, C]; not to be written to."""
        image = _loaded(path)
        shape, channels = _shape_of(path, image)
        number = _number_of(path, image)
        voxels = _stored(path, image).reshape((*shape, channels), order="F")
        voxels = voxels.transpose(*_order_of(path, image), 3)
        voxels = np.ascontiguousarray(voxels if channels > 1 else voxels[..., 0])
        return _scaled(voxels, image.dataobj.slope, image.dataobj.inter, number)

    def mask(self, path: Path, like: Header) -> MaskPixels:
        """The volume as a mask, turned as the picture lies where both say where they lie."""
        header = self.header(path)
        if header.channels > 1:
            raise UsageError("mask_channels", path=str(path), channels=header.channels)
        return MaskPixels(laid_on(path, self.pixels(path), header.affine, like), coloured=False)

    def mask_suffix(self, like: Path) -> str:
        """Compressed, as most of a mask is one number."""
        return ".nii.gz"

    def write_mask(self, path: Path, numbers: Any, like: Path) -> None:
        """Write [S, H, W] with affine, codes and voxel sizes of `like`, and with its shape but for channels."""
        image = _loaded(like)
        shape, channels = _shape_of(like, image)
        voxels = numbers.transpose(np.argsort(_order_of(like, image)))
        if voxels.shape != shape:
            raise ValueError(f"a mask of {voxels.shape} voxels for a picture of {shape}")
        header = image.header.copy()
        header.extensions.clear()
        header.set_data_dtype(numbers.dtype)
        header.set_intent("none")
        header["cal_min"] = header["cal_max"] = 0  # the brightness at which the picture is shown
        voxels = voxels.reshape(image.shape if channels == 1 else shape)
        nibabel.save(type(image)(voxels, image.affine, header), path)


def _loaded(path: Path) -> Any:
    """The image, of which only the header has been read."""
    with quiet():
        return nibabel.load(path)


def _shape_of(path: Path, image: Any) -> tuple[tuple[int, int, int], int]:
    """Voxels along x, y and z, and channels."""
    shape: tuple[int, ...] = image.shape
    x, y, z, *more = *shape, *(1,) * (3 - len(shape))
    channels = math.prod(more)
    if len(image.dataobj.dtype.names or ()) >= 3 and channels == 1:
        channels = 3
    if channels > MOST_CHANNELS or sum(count > 1 for count in more) > 1:
        raise UsageError("volume_dimensions", path=str(path), shape="×".join(map(str, shape)))
    return (x, y, z), channels


def _spacing_of(image: Any) -> tuple[float, ...]:
    zooms = [float(zoom) for zoom in image.header.get_zooms()[:3]]
    return (*zooms, *(1.0,) * (3 - len(zooms)))


def _order_of(path: Path, image: Any) -> Order:
    return order_of(_shape_of(path, image)[0], _spacing_of(image))


def _number_of(path: Path, image: Any) -> Any:
    """The type of the voxels once they are scaled."""
    stored, slope, inter = image.dataobj.dtype.newbyteorder("="), image.dataobj.slope, image.dataobj.inter
    if stored.names:
        return np.uint8
    if stored.kind not in "iuf":
        raise UsageError("numbers_unknown", path=str(path), number=stored.name)
    if (slope, inter) == (1, 0):
        return stored
    if stored.kind == "f" or slope % 1 or inter % 1:
        return np.float32
    ends = [int(slope) * end + int(inter) for end in (np.iinfo(stored).min, np.iinfo(stored).max)]
    return next((number for number in INTEGERS if all(_holds(number, end) for end in ends)), np.float64)


def _holds(number: Any, value: int) -> bool:
    return bool(np.iinfo(number).min <= value <= np.iinfo(number).max)


def _stored(path: Path, image: Any) -> Any:
    """The numbers of the file, one after another, those of RGB voxels behind all of red, green and blue."""
    proxy = image.dataobj
    content = _content(path)
    needed = proxy.offset + math.prod(image.shape) * proxy.dtype.itemsize
    if len(content) < needed:
        raise OSError(f"the file is truncated: {len(content)} of {needed} bytes")
    numbers = np.frombuffer(content, proxy.dtype, math.prod(image.shape), proxy.offset)
    if proxy.dtype.names:
        return np.concatenate([numbers[name] for name in "RGB"])
    return numbers


def _content(path: Path) -> bytes:
    """All bytes, unpacked; the checksum behind them is looked at too, which nibabel would not come to."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    if not packed:
        return path.read_bytes()
    with gzip.open(path) as unpacked:
        return unpacked.read()


def _scaled(voxels: Any, slope: float, inter: float, number: Any) -> Any:
    if (slope, inter) == (1, 0):
        return voxels.astype(number, copy=False)
    voxels = voxels.astype(number)
    factors = np.array([slope, inter])
    if voxels.dtype.kind != "f":
        factors = factors.astype(np.int64)
    factors = factors.astype(
        number
    )  # of what an unsigned type does not hold the rest, which is as good: all is modular
    voxels *= factors[0]
    voxels += factors[1]
    return voxels
