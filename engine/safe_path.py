"""Processes that multiprocessing starts must not take a file of the current folder for one of Python's own modules.

It starts them as ``python -c …``, for which Python puts the current folder in front of everything, but for
``PYTHONSAFEPATH``. What the ranks start themselves is the user's, and gets the environment as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NAME, OURS = "PYTHONSAFEPATH", "everybatch"


@contextmanager
def safe_path() -> Iterator[None]:
    """Processes that are started in this block keep the current folder out of their way."""
    if NAME in os.environ:
        yield
        return
    os.environ[NAME] = OURS
    try:
        yield
    finally:
        del os.environ[NAME]


def restore_safe_path() -> None:
    """Undo it in a process that was started so, for those that it starts."""
    if os.environ.get(NAME) == OURS:
        del os.environ[NAME]
