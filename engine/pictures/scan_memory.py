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
Result = TypeVar("Result")
Files = tuple[Path, ...]
Stamps = list[tuple[int, int]]
"""Size and time of change of each file."""

VERSION = 2
"""Of what is remembered: another one for each change of what facts mean."""
LARGE = 1 << 16
"""Bytes of a file that is worth a thread: with smaller ones they would mostly wait for Python's lock."""
MOST_BYTES = 1 << 29
"""Decoded at the same time; a larger file is decoded while no other is."""


class _Known(msgspec.Struct, Generic[Facts]):
    """Files as they were when they were read."""

    stamps: Stamps
    facts: Facts


class Looks(Generic[Facts]):
    """Looks into files of one kind."""

    def __init__(
        self,
        kind: str,
        facts_type: type[Facts],
        look: Callable[[Files], Facts],
        size: Callable[[Files], int],
        context: Callable[[Files], str] = lambda _: "",
    ) -> None:
        """`look` says what is in some files that belong together, `size` how many bytes they are when decoded.

        `context` names what else it depends on.
        """
        self._kind = kind
        self._type = dict[str, _Known[facts_type]]  # type: ignore[valid-type]
        self._look = look
        self._size = size
        self._context = context
        self._room = _Room(MOST_BYTES)

    def into(self, all_files: Sequence[Files], progress: Callable[[int], None]) -> list[Facts]:
        """What is in each; raises `UsageError` for one that cannot be read.

        `progress` is told how many are done.
        """
        memory = self._memory_of(all_files)
        known = self._read(memory)
        contexts = map(self._context, all_files)
        keys = [key + context for key, context in zip(_keys(all_files), contexts, strict=True)]
        now: dict[str, _Known[Facts]] = {}
        small: list[tuple[str, Files, Stamps]] = []
        large: list[tuple[str, Files, Stamps]] = []
        for key, files in zip(keys, all_files, strict=True):
            stamps = _stamps(files)
            before = known.get(key)
            if before is not None and before.stamps == stamps:
                now[key] = before
            else:
                is_large = any(size >= LARGE for size, _ in stamps)
                (large if is_large else small).append((key, files, stamps))
        for key, files, stamps in small:
            now[key] = _Known(stamps, self._one(files))
            progress(len(now))
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # the libraries decode without Python's lock
            tasks = {pool.submit(self._large, files): (key, stamps) for key, files, stamps in large}
            try:
                for task in as_completed(tasks):
                    key, stamps = tasks[task]
                    now[key] = _Known(stamps, task.result())
                    progress(len(now))
            finally:
                pool.shutdown(cancel_futures=True)
        if now != known:
            _write(memory, now)
        return [now[key].facts for key in keys]

    def _large(self, files: Files) -> Facts:
        with self._room.taken(told(files, lambda: self._size(files))):
            return self._one(files)

    def _one(self, files: Files) -> Facts:
        return told(files, lambda: self._look(files))

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


def _keys(all_files: Sequence[Files]) -> list[str]:
    """The absolute paths, as texts."""
    folders: dict[Path, str] = {}

    def absolute(path: Path) -> str:
        if path.parent not in folders:
            folders[path.parent] = str(path.parent.absolute())
        return f"{folders[path.parent]}/{path.name}".encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    return ["\0".join(absolute(path) for path in files) for files in all_files]


def _stamps(files: Files) -> Stamps:
    stats = told(files, lambda: [path.stat() for path in files])
    return [(stat.st_size, stat.st_mtime_ns) for stat in stats]


def told(files: Files, look: Callable[[], Result]) -> Result:
    """What `look` finds; raises `UsageError` for whatever is wrong with the files."""
    try:
        return look()
    except UsageError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise UsageError("image_unreadable", path=str(files[0]), reason=reason) from error


def _write(memory: Path | None, known: object) -> None:
    """All at once, as several ranks may do it; where it cannot be written, all are read again next time."""
    if memory is None:
        return
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as file:
            file.write(msgspec.msgpack.encode(known))
        Path(file.name).replace(memory)
