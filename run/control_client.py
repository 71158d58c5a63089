"""Asks a run to do something."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

from ..metrics.commands import Command
from .liveness import holds_lock
from .protocol import TIMEOUT_SECONDS, ProtocolError, Reply, Request, receive, send
from .registry import RegisteredRun, read_run

PATIENCE_SECONDS = 2.5
"""A run whose socket was removed listens at another one within a second."""


def ask_run(run: RegisteredRun, command: Command, value: int = 0) -> Reply:
    """Ask `run` for something; a run that is gone is a reply too."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        control = run.content.get("control") or {}
        try:
            return ask(Path(control.get("path", "")), Request(str(control.get("token", "")), command, value))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if command is Command.STOP and time.monotonic() >= deadline and _terminate(run):
                return Reply(taken=True)
            if time.monotonic() >= deadline or run.elsewhere or not run.live:
                return Reply(taken=False, reason=error.strerror or str(error))
        except (OSError, ProtocolError) as error:
            return Reply(taken=False, reason=str(error) or type(error).__name__)
        time.sleep(0.1)
        run = read_run(run.folder.private) or run


def ask(path: Path, request: Request) -> Reply:
    """Send `request` to the run that listens at `path`; raises `OSError` or `ProtocolError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(str(path))
        send(connection, request)
        return receive(connection, Reply)


def _terminate(run: RegisteredRun) -> bool:
    """Stop a run without a socket by a signal; False if its process cannot be told for sure."""
    pid = run.content.get("pid")
    if not isinstance(pid, int) or not holds_lock(run.folder.private, pid):
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError:
        return False
    return True
