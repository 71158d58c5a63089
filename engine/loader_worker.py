"""What a loader's worker process does before it loads: it lives and dies with its rank."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Of ``prctl(2)``: the signal that a process gets when its parent dies."""


def begin_worker(_: int) -> None:
    """Called by the data loader in each of its workers.

    The rank decides when a worker ends: signals to the whole group are not for it. So a rank that fails has to kill
    it, and the kernel does when the rank is killed itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        rank = multiprocessing.parent_process()
        if rank is None or rank.pid != os.getppid():  # it died before that
            os._exit(1)
