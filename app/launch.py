"""Starts a run: with a terminal in a process apart from it and with the monitor on it, otherwise here, as lines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from ..log.catalogue import Catalogue
from ..run.request import Request, encode_request, language_of, start

EXIT_USAGE, EXIT_FAILED = 2, 1


def launch(request: Request) -> int:
    """Run to the end, or until the monitor is left; the exit code."""
    if not request.config.tui or not has_terminal():
        return start(request, sys.stdout, sys.stderr)
    from .terminal_supervisor import watch

    catalogue = Catalogue(language_of(request))
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "everybatch.run", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
        start_new_session=True,
    )
    theirs.close()
    try:
        line = _ask(ours, request)
        if not line:  # it died before it could say anything; its traceback is on the screen
            return process.wait() or EXIT_FAILED
    except KeyboardInterrupt:
        _call_off(process)
        raise
    answer = json.loads(line)
    if "usage" in answer:
        print(answer["usage"], file=sys.stderr)
        process.wait()
        return EXIT_USAGE
    return watch(Path(answer["folder"]), catalogue)


def _ask(connection: socket.socket, request: Request) -> str:
    """The answer of the run process, a line of JSON; empty if it died without one."""
    with connection, connection.makefile("rw", encoding="utf-8") as told:
        told.write(encode_request(request))
        told.flush()
        return told.readline()


def _call_off(process: subprocess.Popen[bytes]) -> None:
    """End a run that has not begun, or has just begun, and wait for it; at once when asked again."""
    try:
        process.terminate()
        process.wait()
    except KeyboardInterrupt:
        process.kill()


def has_terminal() -> bool:
    """Whether a person looks on.

    Textual reads stdin and draws on stderr, and whoever reads a piped stdout wants plain lines.
    """
    if os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI"):
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
