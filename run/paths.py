"""Questions about paths that have an answer for every path: what cannot be looked at is not there.

`pathlib` raises for a name that is too long, a folder of another user and a current folder that is gone.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError


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


def check_current_folder() -> None:
    """Raise `UsageError` when the current folder was removed."""
    try:
        Path.cwd()
    except OSError:
        raise UsageError("no_folder") from None


def home() -> Path | None:
    """The home folder of this user; None for a user without one."""
    folder = os.path.expanduser("~")  # noqa: PTH111
    return Path(folder) if os.path.isabs(folder) else None  # noqa: PTH117
