"""Which file an exception is about, as far as it can be known: decoders seldom name it."""

from __future__ import annotations

import io
import os
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from ..errors import UsageError

NOT_DATA = (".py", ".pyc", ".pyi", ".so")
"""Endings of files that run, and are not read as data."""


def blamed_file(error: BaseException) -> str:
    """The path of the file that could not be read; empty if nothing tells.

    An exception that names its file is believed. Else the innermost function that held a path or an open file was
    reading it: a truncated picture, for instance, is found out when the decoder has forgotten its name.
    """
    chain = list(_chain(error))
    for one in chain:
        named = one.fields.get("path") if isinstance(one, UsageError) else getattr(one, "filename", None)
        if isinstance(named, (str, bytes)) and named:
            return os.fsdecode(named)
    for one in chain:
        for path in _paths_in_frames(one.__traceback__):
            return path
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _paths_in_frames(trace: TracebackType | None) -> Iterator[str]:
    """Files that local variables name or hold, the innermost function first."""
    for frame, _ in reversed(list(traceback.walk_tb(trace))):
        for value in frame.f_locals.values():
            path = _path_of(value)
            if path and not path.endswith(NOT_DATA):
                yield path


def _path_of(value: Any) -> str:
    if isinstance(value, io.IOBase):
        value = getattr(value, "name", None)
    elif not isinstance(value, (str, os.PathLike)):
        # Not `getattr`: it would run code of objects that are not ours.
        value = getattr(value, "__dict__", {}).get("filename")
    if not isinstance(value, (str, os.PathLike)):
        return ""
    try:
        path = os.fspath(value)
        return path if isinstance(path, str) and os.path.isfile(path) else ""  # noqa: PTH113 - no ValueError here
    except (OSError, ValueError):
        return ""
