"""A folder of DICOM files as one volume, by SimpleITK: the slices of one series, sorted by where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

from ....errors import UsageError
from .dicom_files import dicom_files

DESCRIPTION = "0008|103e"
POSITION = "0020|0032"
UNEVEN = 0.25
"""Of the usual distance of slices, by which one may differ from it."""


def series_files(folder: Path) -> list[str]:
    """The files of the only series, in the order of their slices.

    Raises `UsageError` for several series, and for a damaged file, which would else be missing without a word.
    """
    series = SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    found = [SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), one) for one in series]
    read = {Path(name).name for files in found for name in files}
    damaged = [path for path in dicom_files(folder) if path.name not in read]
    if damaged:
        raise UsageError("series_damaged", path=str(damaged[0]))
    if len(series) > 1:
        names = "; ".join(_told(one, files) for one, files in zip(series, found, strict=True))
        raise UsageError("series_many", path=str(folder), count=len(series), names=names)
    return list(found[0])


def read_series(folder: Path) -> Any:
    """The volume, as an image of SimpleITK; raises `UsageError` if a slice is missing or there twice."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(series_files(folder))
    reader.MetaDataDictionaryArrayUpdateOn()
    image = reader.Execute()
    count = image.GetSize()[2]
    if all(reader.HasMetaDataKey(number, POSITION) for number in range(count)):
        _check_even(folder, [_position(reader.GetMetaData(number, POSITION)) for number in range(count)])
    return image


def _check_even(folder: Path, positions: list[Any]) -> None:
    if len(positions) < 3:
        return
    apart = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    if np.abs(apart - np.median(apart)).max() > UNEVEN * np.median(apart):
        raise UsageError("series_uneven", path=str(folder), least=float(apart.min()), most=float(apart.max()))


def _position(text: str) -> list[float]:
    return [float(number) for number in text.split("\\")]


def _told(series: str, files: tuple[str, ...]) -> str:
    """What a person knows a series by."""
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(files[0])
    reader.ReadImageInformation()
    described = reader.GetMetaData(DESCRIPTION).strip() if reader.HasMetaDataKey(DESCRIPTION) else ""
    return f"{described or series} ({Path(files[0]).name}{' …' if len(files) > 1 else ''})"
