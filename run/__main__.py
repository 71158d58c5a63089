"""The run process of a run that has a monitor: it is started apart from the terminal.

``python -m everybatch.run FD`` speaks with its starter through the socket FD, one JSON object a line. It receives
a `Request` and answers ``{"usage": …}`` for a mistake of the user, or ``{"folder": …}`` once the run can be
watched.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import TextIO

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..log.streams import prepare_streams
from .request import decode_request, language_of, start
from .run_folder import RunFolder

EXIT_USAGE = 2


def main() -> int:
    """Run to the end; the exit code."""
    prepare_streams()
    with (
        socket.socket(fileno=int(sys.argv[1])) as connection,
        connection.makefile("rw", encoding="utf-8") as starter,
    ):
        request = decode_request(starter.readline())
        try:
            return start(request, None, sys.stderr, lambda folder: _created(folder, connection, starter))
        except UsageError as error:
            _answer(starter, "usage", Catalogue(language_of(request)).error(error))
            return EXIT_USAGE


def _created(folder: RunFolder, connection: socket.socket, starter: TextIO) -> None:
    """Let go of the terminal: from here on, what this process prints goes to a file of the run."""
    try:
        fd = os.open(folder.private / "run.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:  # what would stand there stands in the log as well
        fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    _answer(starter, "folder", str(folder.private.absolute()))
    starter.close()
    connection.close()


def _answer(starter: TextIO, key: str, text: str) -> None:
    try:
        print(json.dumps({key: text}), file=starter, flush=True)
    except OSError:  # the terminal is gone already; the run goes on
        return


if __name__ == "__main__":
    sys.exit(main())
