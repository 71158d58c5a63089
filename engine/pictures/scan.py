"""Reads all pictures or masks once, whole and in parallel, and remembers what is in those that have not changed.

So none is found broken after the training has begun, and the next start takes no time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import numpy as np
from PIL import Image

from ...errors import UsageError
from .mask_facts import MaskFacts, facts_of
from .mask_pixels import read_mask

Facts = TypeVar("Facts")


class PictureFacts(msgspec.Struct, frozen=True):
    """What must be known of one picture: the range of its numbers, if its format gives them none."""

    lowest: float = 0.0
    highest: float = 0.0


class _Known(msgspec.Struct, Generic[Facts]):
    """A file as it was when it was read."""

    size: int
    mtime_ns: int
    facts: Facts


def scan_masks(masks: Sequence[Path]) -> dict[Path, MaskFacts]:
    """What is in each of them; raises `UsageError` for one that cannot be read."""
    return _scan(masks, "masks", _mask_facts, dict[str, _Known[MaskFacts]])


def scan_pictures(pictures: Sequence[Path]) -> dict[Path, PictureFacts]:
    """What is in each of them; raises `UsageError` for one that cannot be read, or has NaN in it."""
    return _scan(pictures, "pictures", _picture_facts, dict[str, _Known[PictureFacts]])


def _mask_facts(path: Path) -> MaskFacts:
    return facts_of(read_mask(path))


def _picture_facts(path: Path) -> PictureFacts:
    with Image.open(path) as picture:
        numbers = np.asarray(picture)
        if picture.mode not in ("I", "F"):
            return PictureFacts()
    if not np.isfinite(numbers).all():
        raise UsageError("picture_not_finite", path=str(path))
    return PictureFacts(float(numbers.min()), float(numbers.max()))


def _scan(
    paths: Sequence[Path], kind: str, facts_in: Callable[[Path], Facts], memory_type: type[dict[str, _Known[Facts]]]
) -> dict[Path, Facts]:
    memory = _memory_of(kind, paths)
    known = _read(memory, memory_type)

    def look(path: Path) -> _Known[Facts]:
        try:
            stat = path.stat()
            before = known.get(_key(path))
            if before is not None and (before.size, before.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
                return before
            return _Known(stat.st_size, stat.st_mtime_ns, facts_in(path))
        except UsageError:
            raise
        except Exception as error:
            raise UsageError("image_unreadable", path=str(path), reason=str(error)) from error

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # Pillow decodes without Python's lock
        found = dict(zip(paths, pool.map(look, paths), strict=True))
    now = {_key(path): one for path, one in found.items()}
    if now != known:
        _write(memory, now)
    return {path: one.facts for path, one in found.items()}


def _key(path: Path) -> str:
    return os.fsencode(path.absolute()).decode("utf-8", "replace")


def _memory_of(kind: str, paths: Sequence[Path]) -> Path | None:
    """The file that remembers those of this folder; None where a user has no place for such files."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        try:
            cache = Path.home() / ".cache"
        except RuntimeError:
            return None
    folder = os.fsencode(paths[0].parent.absolute())
    return cache / "everybatch" / f"{kind}-{hashlib.sha256(folder).hexdigest()[:16]}"


def _read(memory: Path | None, memory_type: type[dict[str, _Known[Facts]]]) -> dict[str, _Known[Facts]]:
    if memory is None:
        return {}
    try:
        return msgspec.msgpack.decode(memory.read_bytes(), type=memory_type)
    except (OSError, msgspec.DecodeError):  # not written yet, or by another version
        return {}


def _write(memory: Path | None, known: dict[str, _Known[Facts]]) -> None:
    """All at once, as several ranks may do it; where it cannot be written, all are read again next time."""
    if memory is None:
        return
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as file:
            file.write(msgspec.msgpack.encode(known))
        Path(file.name).replace(memory)
