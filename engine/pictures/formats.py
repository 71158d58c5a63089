"""Which files are pictures, and who reads them. No library but Pillow is imported before a file needs it."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from ...errors import UsageError
from .reader import Reader
from .readers.dicom_files import has_dicom
from .readers.suffixes import ITK, NIFTI, PILLOW, TIFF

SUFFIXES = (*PILLOW, *TIFF, *NIFTI, *ITK)
"""Of all files that are pictures, in small letters."""


def is_picture(path: Path) -> bool:
    """Whether it is one by its name, or is a folder of DICOM files.

    What begins with a dot is something that a system keeps beside its files.
    """
    if path.name.startswith("."):
        return False
    return has_dicom(path) if path.is_dir() else bool(_suffix_of(path))


def stem_of(path: Path) -> str:
    """The name without its suffix, by which a mask belongs to a picture; a folder's name is whole.

    In one form of Unicode: a Mac writes an umlaut as two characters.
    """
    suffix = "" if path.is_dir() else _suffix_of(path)
    return unicodedata.normalize("NFC", path.name[: len(path.name) - len(suffix)])


def reader_of(path: Path) -> Reader:
    """Who reads a file or a folder of DICOM files; raises `UsageError` for an unknown or uninstalled format."""
    suffix = _suffix_of(path)
    if path.is_dir() or suffix in ITK:
        try:
            return _itk()
        except ImportError as error:
            raise UsageError("medical_needed", path=str(path)) from error
    if suffix in NIFTI:
        return _nifti()
    if suffix in TIFF:
        return _tiff()
    if suffix in PILLOW:
        return _pillow()
    raise UsageError("format_unknown", path=str(path), suffixes=" ".join(SUFFIXES))


def _suffix_of(path: Path) -> str:
    """One of `SUFFIXES`, or nothing."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


@cache
def _pillow() -> Reader:
    from .readers.pillow import PillowReader

    return PillowReader()


@cache
def _tiff() -> Reader:
    from .readers.tiff import TiffReader

    return TiffReader()


@cache
def _nifti() -> Reader:
    from .readers.nifti import NiftiReader

    return NiftiReader()


@cache
def _itk() -> Reader:
    from .readers.itk import ItkReader

    return ItkReader()
