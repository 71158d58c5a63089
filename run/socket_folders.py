"""Folders whose path is short enough for a socket in them: the kernel takes 107 bytes, a TMPDIR may have more."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from multiprocessing import util
from pathlib import Path

MOST_BYTES = 70
"""Of the path of the folder; the rest is for a folder in it, and for the name of the socket."""


def socket_folders() -> Iterator[str]:
    """Temporary folders in which a socket can be, the usual one first."""
    with contextlib.suppress(OSError):  # no temporary folder at all can be written to
        yield from filter(_is_short, [tempfile.gettempdir()])
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    yield from (folder for folder in (runtime, "/tmp", "/var/tmp", "/dev/shm") if folder and _is_short(folder))


def private_folder() -> Path:
    """A new folder for a socket, where its path is short enough; raises `OSError`."""
    failure = OSError("no folder for a socket")
    for base in socket_folders():
        try:
            return Path(tempfile.mkdtemp(prefix="everybatch_", dir=base))
        except OSError as error:
            failure = error
    raise failure


def shorten_multiprocessing() -> None:
    """Have multiprocessing put its sockets where their paths are short, here and in the processes that we start.

    It has no setting for that but its own way of making its folder, once, which reads `tempfile.tempdir`.
    """
    if _is_short(tempfile.gettempdir()):
        return
    usual = tempfile.tempdir
    try:
        for tempfile.tempdir in socket_folders():
            with contextlib.suppress(OSError):
                util.get_temp_dir()
                return
    finally:
        tempfile.tempdir = usual


def _is_short(folder: str) -> bool:
    return len(os.fsencode(folder)) <= MOST_BYTES
