"""Starts the monitor as a process of its own, and restores the terminal whatever becomes of the monitor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

from ..log.catalogue import Catalogue
from ..run.signals import signal_name

RESET = (
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[0m"
)
"""Leaves the alternate screen, shows the cursor, ends mouse reports and bracketed paste."""


def watch(private: Path, catalogue: Catalogue) -> int:
    """Show the monitor on the run whose private folder is `private`; its exit code, or 1 if it was killed."""
    # The signals of the terminal are meant for the monitor: a supervisor that they end could restore no terminal.
    # The monitor inherits that SIGINT is ignored, or a Ctrl-C before it is on the screen would end it and leave a
    # run that nobody watches.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    before = termios.tcgetattr(0)
    monitor = subprocess.Popen(
        [sys.executable, "-P", "-m", "everybatch.app.watch", str(private)],
        env={**os.environ, "EVERYBATCH_LANG": catalogue.lang},
    )
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    code = _wait(monitor.pid)
    if code >= 0:
        return code
    _restore(before)
    print(catalogue.text("monitor_killed", signal=signal_name(-code), run=private.name), file=sys.stderr)
    return 1


def _wait(pid: int) -> int:
    """The exit code of the monitor.

    When the monitor is suspended (Ctrl-Z), this process suspends itself too, so that the shell takes over.
    """
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        os.kill(os.getpid(), signal.SIGSTOP)


def _restore(before: list[object]) -> None:
    try:
        os.write(2, RESET.encode())
        termios.tcsetattr(0, termios.TCSANOW, before)  # type: ignore[arg-type]
    except (OSError, termios.error):  # the terminal is gone as well
        return
