"""How slices lie in a volume, and a volume in the world.

A volume's voxels are numbered (x, y, z) by its file. They become [slices, rows, columns] by a fixed rule: slices
along the axis with the fewest voxels (of several, that with the largest spacing; of several, the last), rows along
the last of the other two, columns along the first. An axial series of z slices is [z, y, x], as ITK has it too.
Nothing is flipped, so the way back is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import UsageError
from ..reader import Affine, Header

TOLERANCE = 0.1
"""Of a voxel's shortest side, by which the corners of a mask may lie beside those of its picture."""

Order = tuple[int, int, int]


def order_of(shape: Sequence[int], spacing: Sequence[float]) -> Order:
    """Which axes of the file are slices, rows and columns, by its voxels and millimetres along x, y and z."""
    sliced = min(range(3), key=lambda axis: (shape[axis], -spacing[axis], -axis))
    column, row = (axis for axis in range(3) if axis != sliced)
    return sliced, row, column


def volume_header(
    shape: Sequence[int], spacing: Sequence[float], channels: int, number: str, affine: Any | None
) -> Header:
    """The header of a volume of which shape, spacing and affine, [4, 4] or None, are given along x, y and z."""
    order = order_of(shape, spacing)
    slices, height, width = (int(shape[axis]) for axis in order)
    by_slice, by_row, by_column = (float(spacing[axis]) for axis in order)
    placed = None if affine is None else _rows_of(np.asarray(affine, float)[:, [*order, 3]])
    return Header(slices, height, width, channels, number, (by_slice, by_row, by_column), placed)


def laid_on(path: Path, numbers: Any, affine: Affine | None, like: Header) -> Any:
    """A mask, [S, H, W] with its `affine`, turned as the picture lies.

    Raises `UsageError` if it cannot be laid on the picture by turning it in steps of 90° and mirroring it.
    """
    if affine is None or like.affine is None:
        check_size(path, numbers, like)
        return numbers
    from nibabel import orientations

    own, wanted = np.asarray(affine), np.asarray(like.affine)
    turns = orientations.io_orientation(np.linalg.inv(wanted) @ own)
    placed = own @ orientations.inv_ornt_aff(turns, numbers.shape)
    numbers = np.ascontiguousarray(orientations.apply_orientation(numbers, turns))
    check_size(path, numbers, like)
    apart = _apart(placed, wanted, like.shape)
    if apart > TOLERANCE * np.linalg.norm(wanted[:3, :3], axis=0).min():
        raise UsageError("mask_elsewhere", path=str(path), apart=apart)
    return numbers


def check_size(path: Path, numbers: Any, like: Header) -> None:
    """Raises `UsageError` for a mask [S, H, W] of another shape than its picture's."""
    if numbers.shape != like.shape:
        slices, height, width = numbers.shape
        mask = Header(slices, height, width, 1, numbers.dtype.name)
        raise UsageError("mask_size", path=str(path), mask_size=mask.size, image_size=like.size)


def _apart(first: Any, second: Any, shape: Sequence[int]) -> float:
    """Millimetres between the two places of that corner of a volume for which they are most."""
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*(np.array(shape) - 1), 1]
    return float(np.linalg.norm((first - second) @ corners.T, axis=0).max())


def _rows_of(matrix: Any) -> Affine:
    return tuple(tuple(float(number) for number in row) for row in matrix)
