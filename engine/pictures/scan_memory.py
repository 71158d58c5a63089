"""Looks into many files in parallel, and remembers what was in those that have not changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from ...errors import UsageError
from .cache_folder import cache_folder

Facts = TypeVar("Facts")
Files = tuple[Path, ...]

VERSION = 2
"""Of what is remembered: another one for each change of what facts mean."""
AT_ONCE = 64
"""Files that one thread takes."""
MOST_BYTES = 1 << 29
"""Decoded at the same time; a larger file is decoded while no other is."""

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


class _Known(msgspec.Struct, Generic[Facts]):
    """Files as they were when they were read."""

    stamps: list[tuple[int, int]]
    """Size and time of change of each."""
    facts: Facts


class Looks(Generic[Facts]):
    """Looks into files of one kind."""

    def __init__(
        self, kind: str, facts_type: type[Facts], look: Callable[[Files], Facts], size: Callable[[Files], int]
    ) -> None:
        """`look` says what is in some files that belong together, `size` how many bytes they are when decoded."""
        self._kind = kind
        self._type = dict[str, _Known[facts_type]]  # type: ignore[valid-type]
        self._look = look
        self._size = size
        self._room = _Room(MOST_BYTES)

    def into(self, all_files: Sequence[Files], progress: Progress) -> list[Facts]:
        """What is in each; raises `UsageError` for one that cannot be read. Its file is told before later ones."""
        memory = self._memory_of(all_files)
        known = self._read(memory)
        found: list[_Known[Facts]] = []
        parts = [all_files[start : start + AT_ONCE] for start in range(0, len(all_files), AT_ONCE)]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # the libraries decode without Python's lock
            tasks = [pool.submit(self._look_into, part, known) for part in parts]
            try:
                for done, _ in enumerate(as_completed(tasks), start=1):
                    progress(min(done * AT_ONCE, len(all_files)), len(all_files))
                    if _.exception() is not None:
                        break
                for task in tasks:
                    found += task.result()
            finally:
                pool.shutdown(cancel_futures=True)
        now = {_key(files): one for files, one in zip(all_files, found, strict=True)}
        if now != known:
            _write(memory, now)
        return [one.facts for one in found]

    def _look_into(self, part: Sequence[Files], known: dict[str, _Known[Facts]]) -> list[_Known[Facts]]:
        return [self._one(files, known.get(_key(files))) for files in part]

    def _one(self, files: Files, before: _Known[Facts] | None) -> _Known[Facts]:
        try:
            stats = [path.stat() for path in files]
            stamps = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
            if before is not None and before.stamps == stamps:
                return before
            with self._room.taken(self._size(files)):
                return _Known(stamps, self._look(files))
        except UsageError:
            raise
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise UsageError("image_unreadable", path=str(files[0]), reason=reason) from error

    def _memory_of(self, all_files: Sequence[Files]) -> Path | None:
        """The file that remembers those of this folder."""
        folder = cache_folder("pictures")
        where = os.fsencode(all_files[0][0].parent.absolute())
        return folder and folder / f"{self._kind}{VERSION}-{hashlib.sha256(where).hexdigest()[:16]}"

    def _read(self, memory: Path | None) -> dict[str, _Known[Facts]]:
        if memory is None:
            return {}
        try:
            return msgspec.msgpack.decode(memory.read_bytes(), type=self._type)
        except (OSError, msgspec.DecodeError):  # not written yet, or damaged
            return {}


class _Room:
    """So many bytes that several threads share; one that needs more than all waits until no other has any."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, size: int) -> Iterator[None]:
        needed = min(size, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._used + needed <= self._size)
            self._used += needed
        try:
            yield
        finally:
            with self._changed:
                self._used -= needed
                self._changed.notify_all()


def _key(files: Files) -> str:
    return "\0".join(os.fsencode(path.absolute()).decode("utf-8", "replace") for path in files)


def _write(memory: Path | None, known: object) -> None:
    """All at once, as several ranks may do it; where it cannot be written, all are read again next time."""
    if memory is None:
        return
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as file:
            file.write(msgspec.msgpack.encode(known))
        Path(file.name).replace(memory)
