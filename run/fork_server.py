"""The process that ranks are forked from.

``multiprocessing.forkserver.ensure_running`` starts it early, so that it imports torch while the run process looks
at the task; it is not documented. Without it, the first rank starts the server, and a run takes a second longer.
"""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing import forkserver

from ..engine.safe_path import safe_path

PRELOAD = ["torch", "torch.distributed", "torch._dynamo", "everybatch.engine.rank", "everybatch.engine.trial"]
"""What the ranks share: imported once, by the process they are forked from."""


def warm_up() -> None:
    """Start the server, so that it imports torch while the caller does.

    It and the ranks ignore the signals that a terminal or a scheduler sends to the whole group: the run process
    decides. (An ignored signal stays ignored in the children.)
    """
    multiprocessing.set_forkserver_preload(PRELOAD)
    ensure_running = getattr(forkserver, "ensure_running", None)
    if ensure_running is None:
        return
    ignored = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    try:
        with safe_path():
            ensure_running()
    finally:
        for number, handler in zip(ignored, before, strict=True):
            signal.signal(number, handler)
