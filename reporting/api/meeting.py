"""Where the ranks of a job find the run process that one of them started: a file that only this user can read."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from ..socket_channel import Address
from .errors import said
from .joined import Joined, decode_told, encode_told

MEET_SECONDS = 60.0
"""How long a rank looks for the run process; its batches wait in memory meanwhile."""
LOOK_SECONDS = 0.05


class _Card(msgspec.Struct, frozen=True):
    """What the file says."""

    pid: int
    """Of the rank that started the run process. A card of a process that is gone is left over."""
    began: float
    joined: Joined | None
    """None where it has begun no run, as it could not."""


class Meeting:
    """One run of one job."""

    def __init__(self, job: str, number: int) -> None:
        """`number` counts the runs of the job, as each rank counts its own. Raises `OSError`."""
        self._path = _folder() / f"{job}_{number}"

    def publish(self, joined: Joined | None) -> None:
        """Tell the other ranks; raises `OSError`."""
        me = psutil.Process()
        temporary = self._path.with_name(f"{self._path.name}.{me.pid}")
        temporary.write_bytes(encode_told(_Card(me.pid, me.create_time(), joined)))
        temporary.replace(self._path)

    def withdraw(self) -> None:
        """The run is over."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def find(self, wanted: Callable[[], bool] = lambda: True) -> Joined:
        """What the starting rank told, as soon as it is there; raises `OSError` when it does not come.

        Nor does it when it is no longer `wanted`.
        """
        until = time.monotonic() + MEET_SECONDS
        while (card := self._read()) is None:
            if time.monotonic() > until or not wanted():
                raise ConnectionError(said("api_nobody"))
            time.sleep(LOOK_SECONDS)
        if card.joined is None:
            raise ConnectionError(said("api_nobody"))
        return card.joined

    def address(self, wanted: Callable[[], bool]) -> Address:
        """As `find`: where the run process listens."""
        return self.find(wanted).address

    def _read(self) -> _Card | None:
        try:
            card = decode_told(self._path.read_bytes(), _Card)
            alive = psutil.Process(card.pid).create_time() == card.began
        except (OSError, ValueError, msgspec.MsgspecError, psutil.Error):
            return None
        return card if alive else None


def _folder() -> Path:
    """A folder of this user that nobody else can enter; raises `OSError`."""
    folder = Path(tempfile.gettempdir()) / f"everybatch_{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(said("api_folder", path=str(folder)))
    return folder
