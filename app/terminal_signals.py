"""What the monitor does about signals of its terminal.

Textual's driver for Linux handles SIGTSTP and SIGCONT, which is no part of its public interface; other drivers
leave them as they are. Whatever handler stands there is called, if there is one.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType


def on_end(end: Callable[[signal.Signals], None]) -> None:
    """Call `end` in the present event loop when the terminal is gone, or when someone asks the process to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)


def on_continue(redraw: Callable[[], object]) -> None:
    """Call `redraw` after Ctrl-Z and after a SIGSTOP, and tell them apart.

    Textual starts its threads anew with each SIGCONT, which is right only if a Ctrl-Z has ended them.
    """
    suspend, resume = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    suspended = False

    def handle_suspend(number: int, frame: FrameType | None) -> None:
        nonlocal suspended
        suspended = True
        if callable(suspend):
            suspend(number, frame)

    def handle_continue(number: int, frame: FrameType | None) -> None:
        nonlocal suspended
        if suspended and callable(resume):
            resume(number, frame)
        suspended = False
        redraw()

    if callable(suspend):  # without a handler the process is to be suspended as any other
        signal.signal(signal.SIGTSTP, handle_suspend)
    signal.signal(signal.SIGCONT, handle_continue)
