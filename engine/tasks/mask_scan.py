"""Reads all masks of a folder, in parallel, and remembers what is in those that have not changed since."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ...errors import UsageError
from .mask_facts import MaskFacts, facts_of, read_mask


class _Known(msgspec.Struct):
    """A mask as it was when it was read."""

    size: int
    mtime_ns: int
    facts: MaskFacts


_Memory = dict[str, _Known]
"""By path."""


def scan_masks(masks: Sequence[Path]) -> dict[Path, MaskFacts]:
    """What is in each of them; raises `UsageError` for one that cannot be read."""
    memory = _memory_of(masks)
    known = _read(memory)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # Pillow decodes without Python's lock
        found = dict(zip(masks, pool.map(lambda path: _look(path, known), masks), strict=True))
    now = {_key(path): one for path, one in found.items()}
    if now != known:
        _write(memory, now)
    return {path: one.facts for path, one in found.items()}


def _look(path: Path, known: _Memory) -> _Known:
    try:
        stat = path.stat()
        before = known.get(_key(path))
        if before is not None and (before.size, before.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return before
        return _Known(stat.st_size, stat.st_mtime_ns, facts_of(read_mask(path)))
    except Exception as error:
        raise UsageError("image_unreadable", path=str(path), reason=str(error)) from error


def _key(path: Path) -> str:
    return os.fsencode(path.absolute()).decode("utf-8", "replace")


def _memory_of(masks: Sequence[Path]) -> Path | None:
    """The file that remembers the masks of this folder; None where a user has no place for such files."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        try:
            cache = Path.home() / ".cache"
        except RuntimeError:
            return None
    folder = os.fsencode(masks[0].parent.absolute())
    return cache / "everybatch" / f"masks-{hashlib.sha256(folder).hexdigest()[:16]}"


def _read(memory: Path | None) -> _Memory:
    if memory is None:
        return {}
    try:
        return msgspec.msgpack.decode(memory.read_bytes(), type=_Memory)
    except (OSError, msgspec.DecodeError):  # not written yet, or by another version
        return {}


def _write(memory: Path | None, known: _Memory) -> None:
    """All at once, as several ranks may do it; where it cannot be written, the masks are read again next time."""
    if memory is None:
        return
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as file:
            file.write(msgspec.msgpack.encode(known))
        Path(file.name).replace(memory)
