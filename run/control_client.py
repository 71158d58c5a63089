"""Asks a run to do something."""

from __future__ import annotations

import socket
from pathlib import Path

from ..metrics.commands import Command
from .protocol import TIMEOUT_SECONDS, ProtocolError, Reply, Request, receive, send
from .registry import RegisteredRun


def ask_run(run: RegisteredRun, command: Command, value: int = 0) -> Reply:
    """Ask `run` for something."""
    control = run.content.get("control") or {}
    return ask(Path(control.get("path", "")), Request(str(control.get("token", "")), command, value))


def ask(path: Path, request: Request) -> Reply:
    """Send `request` to the run that listens at `path`; a run that is gone is a reply too."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.connect(str(path))
            send(connection, request)
            return receive(connection, Reply)
    except (OSError, ProtocolError) as error:
        return Reply(taken=False, reason=str(error) or type(error).__name__)
