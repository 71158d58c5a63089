"""The end of a process in which a task was built: the task's code may have started what never ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
import time
from typing import NoReturn

from ..log.catalogue import Catalogue

MOMENT_SECONDS = 5.0
"""For threads and processes of the task to end by themselves."""

LONGEST_SECONDS = 20.0
"""For functions that Python calls at its exit."""


def end_process(code: int, catalogue: Catalogue) -> NoReturn:
    """End this process with `code`, as `sys.exit` does, but surely.

    Python waits for threads and child processes that are not daemons, for ever if need be.
    """
    threading.Thread(target=_see_to_the_end, args=(code, catalogue), name="end", daemon=True).start()
    sys.exit(code)


def _see_to_the_end(code: int, catalogue: Catalogue) -> None:
    time.sleep(MOMENT_SECONDS)
    if not _left_over():
        time.sleep(LONGEST_SECONDS - MOMENT_SECONDS)
    for child in multiprocessing.active_children():
        child.kill()
    with contextlib.suppress(OSError, ValueError):  # whoever reads may be gone
        print(catalogue.text("left_over_here"), file=sys.stderr, flush=True)
        sys.stdout.flush()
    os._exit(code)


def _left_over() -> bool:
    """Whether Python waits for something that was started."""
    return bool(multiprocessing.active_children()) or any(
        not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()
    )
