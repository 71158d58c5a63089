"""Decoded pixels, for all processes of a host.

What takes long to decode is kept in a folder of the user's cache and mapped into memory from there, so that ranks
and loader processes share it and a crop reads no more than its own rows. The folder may be removed at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .cache_folder import cache_folder

KEPT_BYTES = 1 << 18
"""Of the pixels that are worth a file; fewer are decoded in a millisecond."""
SHARE_OF_DISK = 4
"""The folder takes one part in so many of what is free, with what it has."""
IN_USE_SECONDS = 3600.0
"""What was used since then is not removed to make room."""
ROOM_AT_ONCE = 1 << 30
"""That a process takes before it looks again how much there is."""
IN_MEMORY_BYTES = 1 << 27
"""Of small pictures, in each process."""
MAPPED = 256
"""Files that a process keeps mapped; each takes a file descriptor."""

Decode = Callable[[], Any]


class Decoded:
    """Gives the pixels of files as arrays that must not be written to."""

    def __init__(self) -> None:
        self._folder = cache_folder("pixels")
        self._room = 0
        """Bytes that may still be kept, as far as is known."""
        self._arrays: OrderedDict[str, Any] = OrderedDict()
        self._in_memory = 0
        self._mapped = 0
        self._lock = threading.Lock()

    def get(self, kind: str, files: Sequence[Path], decode: Decode) -> Any:
        """The pixels of `files` as `decode` makes them of their content; `kind` tells several such ways apart."""
        key = _key(kind, files)
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        array = self._map(key)
        if array is None:
            array = decode()
            if self._keep(key, array):
                mapped = self._map(key)
                array = array if mapped is None else mapped
        with self._lock:
            self._remember(key, array)
        return array

    def offer(self, kind: str, files: Sequence[Path], array: Any) -> None:
        """Keep pixels that were decoded for another reason, if that is worth while."""
        if array.nbytes >= KEPT_BYTES:
            self._keep(_key(kind, files), array)

    def _remember(self, key: str, array: Any) -> None:
        if key in self._arrays:
            return
        self._arrays[key] = array
        self._count(array, 1)
        while len(self._arrays) > 1 and (self._in_memory > IN_MEMORY_BYTES or self._mapped > MAPPED):
            self._count(self._arrays.popitem(last=False)[1], -1)

    def _count(self, array: Any, sign: int) -> None:
        if isinstance(array, np.memmap):
            self._mapped += sign
        else:
            self._in_memory += sign * array.nbytes

    def _map(self, key: str) -> Any:
        if self._folder is None:
            return None
        path = self._folder / key
        try:
            array = np.load(path, mmap_mode="r")
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # damaged, or of another version of numpy
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return array

    def _keep(self, key: str, array: Any) -> bool:
        """Whether there is a file of it now. Several processes may write it: each its own, the last one stays."""
        if self._folder is None or array.nbytes < KEPT_BYTES:
            return False
        try:
            if (self._folder / key).exists():
                return True
            self._folder.mkdir(parents=True, exist_ok=True)
            if array.nbytes > self._room:  # looked at again as seldom as that, since the folder may hold thousands
                self._room = min(_make_room(self._folder, array.nbytes), ROOM_AT_ONCE)
            if array.nbytes > self._room:
                return False
            self._room -= array.nbytes
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
                try:
                    np.save(file, array)
                    file.flush()
                    Path(file.name).replace(self._folder / key)
                except BaseException:
                    with contextlib.suppress(OSError):
                        Path(file.name).unlink()
                    raise
        except OSError:  # a full or a read-only disk: it is decoded each time
            return False
        return True


def _key(kind: str, files: Sequence[Path]) -> str:
    """Name of the file that keeps them: another one as soon as any of them has changed."""
    told = hashlib.sha256(kind.encode())
    for path in files:
        stat = path.stat()
        told.update(os.fsencode(path.absolute()) + f"\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return told.hexdigest()[:32] + ".npy"


def _make_room(folder: Path, size: int) -> int:
    """Remove what was not used for longest until `size` bytes more may be kept; how many may."""
    entries = []
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):  # another process makes room too
            stat = entry.stat()
            entries.append((stat.st_mtime, stat.st_size, entry.path))
    used = sum(entry[1] for entry in entries)
    allowed = (shutil.disk_usage(folder).free + used) // SHARE_OF_DISK
    for last_used, bytes_, path in sorted(entries):
        if used + size <= allowed or time.time() - last_used < IN_USE_SECONDS:
            break
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()
        used -= bytes_
    return allowed - used
