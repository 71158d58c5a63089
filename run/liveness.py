"""Whether a run still goes on: by the lock that its process holds, and by how long nothing was heard of it.

No host name and no clock of two machines is compared. Where the lock was taken under this very kernel, it is the
whole truth: the kernel lets go of it when the process dies. Elsewhere (another host, a file system without locks)
it may be invisible, or may outlive its holder, so there the run is judged by its silence: its process touches the
lock file every few seconds, whatever the training does.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

BEAT_SECONDS = 5.0
"""Between two touches of the lock file by the process that holds it."""
SILENT_SECONDS = 30.0
"""A run of which nothing was heard for so long may be gone."""
LOST_SECONDS = 900.0
"""A run of which nothing was heard for so long is gone."""

LOCK, JOURNAL = "lock", "journal"
"""The files of a run that show that it lives, in its private folder."""

Lock = Literal["held", "free", "unknown"]


@dataclass(frozen=True)
class Liveness:
    """What is known of the process of a run that has not said its end."""

    state: Literal["running", "silent", "lost"]
    certain: bool
    """This kernel says so; else it follows from `silent_seconds`."""
    silent_seconds: float = 0.0
    """Since anything was heard; inf if nothing is there any more."""


def judge(private: Path, boot_id: str | None) -> Liveness:
    """Judge the run whose private folder is `private`; `boot_id` is that of its kernel, None if it is unknown."""
    lock = lock_of(private)
    if lock != "unknown" and boot_id is not None and boot_id == this_boot():
        return Liveness("running" if lock == "held" else "lost", certain=True)
    if lock == "held" and boot_id is None:
        return Liveness("running", certain=True)
    silent = silent_seconds(private)
    if silent < SILENT_SECONDS:
        return Liveness("running", certain=False, silent_seconds=silent)
    return Liveness("silent" if silent < LOST_SECONDS else "lost", certain=False, silent_seconds=silent)


def lock_of(private: Path) -> Lock:
    """Whether a process holds the lock of the run, as far as this machine can tell."""
    try:
        fd = os.open(private / LOCK, os.O_RDONLY)
    except OSError:  # removed, or on a share that is not there
        return "unknown"
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "held"
    except OSError:  # a file system without locks
        return "unknown"
    else:
        return "free"
    finally:
        os.close(fd)


def holds_lock(private: Path, pid: int) -> bool:
    """Whether this very process has the lock file of the run open: a number alone may be another process by now."""
    try:
        lock = (private / LOCK).stat()
        return any(_same(lock, _stat(fd)) for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def silent_seconds(private: Path) -> float:
    """Since the journal or the lock of the run was touched; inf if there is neither."""
    touched = [stat.st_mtime for name in (LOCK, JOURNAL) if (stat := _stat(private / name)) is not None]
    return max(0.0, _now(private) - max(touched)) if touched else float("inf")


@cache
def this_boot() -> str | None:
    """What tells this kernel, since it was booted, from any other; None where that is not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip() or None
    except (OSError, ValueError):
        return None


def _now(private: Path) -> float:
    """The time by the clock that stamps the files of the folder: that of a file server may differ from ours."""
    try:
        with tempfile.TemporaryFile(dir=private) as probe:
            return os.fstat(probe.fileno()).st_mtime
    except OSError:
        return time.time()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _same(one: os.stat_result, other: os.stat_result | None) -> bool:
    return other is not None and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
