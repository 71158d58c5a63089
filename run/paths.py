"""Questions about paths that have an answer for every path: what cannot be looked at is not there.

`pathlib` raises for a name that is too long, a folder of another user and a current folder that is gone.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_folder(path: str | Path) -> bool:
    """Whether a folder is there for us."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: str | Path) -> bool:
    """Whether a file is there for us."""
    return os.path.isfile(path)  # noqa: PTH113


def real(path: str | Path) -> Path:
    """The path without symbolic links, as far as they can be followed; it is absolute."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # a null byte
        return Path("/", path)


def home() -> Path | None:
    """The home folder of this user; None for a user without one."""
    folder = os.path.expanduser("~")  # noqa: PTH111
    return Path(folder) if os.path.isabs(folder) else None  # noqa: PTH117
