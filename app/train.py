"""``everybatch train``: with a terminal a run apart from it and the monitor on it, otherwise plain lines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from ..log.catalogue import Catalogue
from ..run.other_launchers import check_launcher
from ..run.request import TrainRequest, encode_request

EXIT_USAGE, EXIT_FAILED = 2, 1


def train(request: TrainRequest) -> int:
    """Train as asked; the exit code."""
    config = request.config
    config.check()
    check_launcher(os.environ)
    catalogue = Catalogue(config.lang)
    if config.tui and has_terminal():
        from ..run.preflight import check_files

        check_files(config)
        return _with_monitor(request, catalogue)
    from ..run.run_process import run

    return run(request, catalogue, sys.stdout, sys.stderr)


def has_terminal() -> bool:
    """Whether a person looks on.

    Textual reads stdin and draws on stderr, and whoever reads a piped stdout wants plain lines.
    """
    if os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI"):
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def _with_monitor(request: TrainRequest, catalogue: Catalogue) -> int:
    from .terminal_supervisor import watch

    print(catalogue.text("stage_importing"), flush=True)
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "everybatch.run", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
        start_new_session=True,
    )
    theirs.close()
    with ours, ours.makefile("rw") as told:
        told.write(encode_request(request))
        told.flush()
        line = told.readline()
    if not line:  # it died before it could say anything; its traceback is on the screen
        return process.wait() or EXIT_FAILED
    answer = json.loads(line)
    if "usage" in answer:
        print(answer["usage"], file=sys.stderr)
        process.wait()
        return EXIT_USAGE
    return watch(Path(answer["folder"]), catalogue)
