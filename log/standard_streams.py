"""Standard streams that a starter may have closed (``>&-``, as daemons and cron jobs do)."""

from __future__ import annotations

import os
import sys


def open_standard_streams() -> None:
    """Let descriptors 0 to 2 and Python's streams on them be there; what was closed reads and writes nothing.

    Call it before anything is opened: a file that gets descriptor 1 would receive what is meant for the screen, and
    go when the screen is exchanged.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is `fd`
        if getattr(sys, name) is None:
            stream = open(fd, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
            setattr(sys, name, stream)
