"""Which files of a folder are DICOM; found without a library for them."""

from __future__ import annotations

from pathlib import Path

from .suffixes import DICOM

PREAMBLE = 128
MARK = b"DICM"
"""Behind the preamble. A scanner's files often have no suffix."""
DIRECTORY = "DICOMDIR"
"""A list of files, as it lies on a CD beside them."""


def has_dicom(folder: Path) -> bool:
    """Whether there is any in it."""
    return folder.is_dir() and any(_is_dicom(path) for path in folder.iterdir())


def dicom_files(folder: Path) -> list[Path]:
    """All of them, by name."""
    return sorted(path for path in folder.iterdir() if _is_dicom(path))


def _is_dicom(path: Path) -> bool:
    if path.name.startswith(".") or path.name.upper() == DIRECTORY or not path.is_file():
        return False
    if path.suffix.lower() in DICOM:
        return True
    with path.open("rb") as file:
        return file.read(PREAMBLE + len(MARK))[PREAMBLE:] == MARK
