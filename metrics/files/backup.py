"""Names for files that are kept before they are changed or make way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def free_backup(path: Path) -> Path:
    """The first free one of ``NAME.bak``, ``NAME.bak2`` and so on."""
    return next(name for name in _names(path) if not name.exists())


def _names(path: Path) -> Iterator[Path]:
    yield path.with_name(f"{path.name}.bak")
    number = 2
    while True:
        yield path.with_name(f"{path.name}.bak{number}")
        number += 1
