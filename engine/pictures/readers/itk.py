"""MetaImage, NRRD and DICOM, by SimpleITK: a file, or a folder of DICOM files; their slices are those of `placing`.

ITK's axes lead to the left and the back of a patient; those of an affine here lead to the right and the front.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

from ....errors import UsageError
from ..mask_pixels import MaskPixels
from ..reader import Header
from .dicom_series import read_series, series_files
from .placing import laid_on, order_of, volume_header
from .suffixes import ITK
from .whole_file import check_whole

TYPES = ("UInt8", "Int8", "UInt16", "Int16", "UInt32", "Int32", "UInt64", "Int64", "Float32", "Float64")
NUMBERS = {getattr(SimpleITK, f"sitk{vector}{name}"): name.lower() for name in TYPES for vector in ("", "Vector")}
"""numpy's names of ITK's types."""
MASK_SUFFIXES = {".mha": ".mha", ".mhd": ".mha", ".nrrd": ".nrrd", ".nhdr": ".nrrd"}
TO_RIGHT_AND_FRONT = np.diag([-1.0, -1.0, 1.0])

SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)  # they would be written over the monitor


class ItkReader:
    """Reads .mha, .mhd, .nrrd, .nhdr and .dcm, and folders of DICOM files; CT in HU."""

    suffixes = ITK

    def header(self, path: Path) -> Header:
        """The header of a volume; raises `UsageError` for more than three dimensions or several series."""
        with _in_one_line():
            grid = _grid_of(path)
        return volume_header(grid.shape, grid.spacing, grid.channels, grid.number, grid.affine)

    def pixels(self, path: Path) -> Any:
        """The voxels, [S, H, W] or [S, H, W, C]."""
        with _in_one_line():
            grid = _grid_of(path)
        if path.is_file():
            check_whole(path, math.prod(grid.shape) * grid.channels * np.dtype(grid.number).itemsize)
        with _in_one_line():
            image = read_series(path) if path.is_dir() else SimpleITK.ReadImage(str(path))
        voxels = SimpleITK.GetArrayFromImage(image)
        del image  # as large as the array
        channels = (grid.channels,) if grid.channels > 1 else ()
        voxels = voxels.reshape(*grid.shape[::-1], *channels)
        order = [2 - axis for axis in order_of(grid.shape, grid.spacing)]  # numpy has z first
        voxels = voxels.transpose(*order, *range(3, voxels.ndim))
        return np.ascontiguousarray(voxels, grid.number)

    def mask(self, path: Path, like: Header) -> MaskPixels:
        """The volume as a mask, turned as the picture lies where that says where it lies."""
        header = self.header(path)
        if header.channels > 1:
            raise UsageError("mask_channels", path=str(path), channels=header.channels)
        return MaskPixels(laid_on(path, self.pixels(path), header.affine, like), coloured=False)

    def mask_suffix(self, like: Path) -> str:
        """That of the format of `like`; of DICOM, whose own masks few programs read, that of NIfTI."""
        return MASK_SUFFIXES.get(like.suffix.lower(), ".nii.gz") if like.is_file() else ".nii.gz"

    def write_mask(self, path: Path, numbers: Any, like: Path) -> None:
        """Write [S, H, W] with the origin, the spacing and the direction of `like`."""
        grid = _grid_of(like)
        order = [2 - axis for axis in order_of(grid.shape, grid.spacing)]
        voxels = numbers.transpose(np.argsort(order))
        if voxels.shape != grid.shape[::-1]:
            raise ValueError(f"a mask of {voxels.shape} voxels for a picture of {grid.shape[::-1]}")
        image = SimpleITK.GetImageFromArray(voxels.reshape(voxels.shape[3 - len(grid.origin) :]))
        image.SetOrigin(grid.origin)
        image.SetSpacing(grid.spacing[: len(grid.origin)])
        image.SetDirection(grid.direction)
        SimpleITK.WriteImage(image, str(path), useCompression=True)


@dataclass(frozen=True)
class _Grid:
    """What ITK says of a picture of two or three dimensions, as it says it."""

    shape: tuple[int, int, int]
    """Voxels along x, y and z; one along z of a flat picture."""
    spacing: tuple[float, float, float]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    channels: int
    number: str

    @property
    def affine(self) -> Any:
        """From (x, y, z, 1) to millimetres, [4, 4]; None for a flat picture, which does not lie in space."""
        if len(self.origin) < 3:
            return None
        affine = np.eye(4)
        affine[:3, :3] = TO_RIGHT_AND_FRONT @ np.reshape(self.direction, (3, 3)) * self.spacing
        affine[:3, 3] = TO_RIGHT_AND_FRONT @ self.origin
        return affine


def _grid_of(path: Path) -> _Grid:
    """By the header; of a series by those of its first and its last slice."""
    files = series_files(path) if path.is_dir() else [str(path)]
    first = _information(files[0])
    shape, spacing = first.GetSize(), first.GetSpacing()
    if len(shape) > 3:
        raise UsageError("volume_dimensions", path=str(path), shape="×".join(map(str, shape)))
    if first.GetPixelID() not in NUMBERS:
        name = SimpleITK.GetPixelIDValueAsString(first.GetPixelID())
        raise UsageError("numbers_unknown", path=str(path), number=name)
    if len(files) > 1:
        length = float(np.linalg.norm(np.subtract(_information(files[-1]).GetOrigin(), first.GetOrigin())))
        shape, spacing = (*shape[:2], len(files)), (*spacing[:2], length / (len(files) - 1) or 1.0)
    if len(shape) == 2:
        shape, spacing = (*shape, 1), (*spacing, 1.0)
    return _Grid(
        shape,
        spacing,
        first.GetOrigin(),
        first.GetDirection(),
        first.GetNumberOfComponents(),
        NUMBERS[first.GetPixelID()],
    )


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Errors of ITK begin with places in its source; their last line, which says what is wrong, as an OSError."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(str(error).strip().splitlines()[-1].removeprefix("sitk::ERROR: ")) from error


def _information(file: str) -> Any:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return reader
