"""The run process of a run that has a monitor, or is somebody's own loop: it is started apart from the terminal.

``python -m everybatch.run FD`` speaks with its starter through the socket FD, one JSON object a line. It receives
a `Request` and answers ``{"usage": …}`` for a mistake of the user, or ``{"folder": …}`` once the run can be
watched. A `LoopRequest` is answered with an `Answer`, and its socket stays open until the run has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import TextIO

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..log.streams import prepare_streams
from ..reporting.api.joined import Answer, Joined, LoopConfig, encode_told
from .request import LoopRequest, decode_request, language_of, start
from .run_folder import RunFolder

EXIT_FAILED, EXIT_USAGE = 1, 2
NO_FOLDER = "output_dir"
"""The error that a script must not die of: the folder of a run cannot be made."""


def main() -> int:
    """Run to the end; the exit code."""
    prepare_streams()
    with (
        socket.socket(fileno=int(sys.argv[1])) as connection,
        connection.makefile("rw", encoding="utf-8") as starter,
    ):
        line = starter.readline()
        if not line:  # whoever started it is gone
            return EXIT_FAILED
        request = decode_request(line)
        if isinstance(request, LoopRequest):
            return _run_loop(request.config, starter)
        try:
            return start(request, None, sys.stderr, lambda folder: _created(folder, connection, starter))
        except UsageError as error:
            _answer(starter, "usage", Catalogue(language_of(request)).error(error))
            return EXIT_USAGE


def _run_loop(config: LoopConfig, starter: TextIO) -> int:
    """Record a training that goes on in the starter, as no child of it: it may wait for all of those."""
    from .loop_run import run_loop

    if os.fork():
        os._exit(0)

    begun = False

    def created(folder: RunFolder, joined: Joined) -> None:
        nonlocal begun
        begun = True
        _print_to_folder(folder)
        _tell(starter, Answer(joined))

    catalogue = Catalogue(config.lang)
    try:
        return run_loop(config, catalogue, created)
    except OSError as error:
        if begun:
            raise
        _tell(starter, Answer(unable=error.strerror or str(error)))  # the training warns, and goes on
        return EXIT_FAILED
    except UsageError as error:
        told = catalogue.text(error.key, **error.fields)
        _tell(starter, Answer(unable=told) if error.key == NO_FOLDER else Answer(usage=told))
        return EXIT_USAGE


def _tell(starter: TextIO, answer: Answer) -> None:
    with contextlib.suppress(OSError):  # it is gone already, which the run will notice
        print(encode_told(answer).decode(), file=starter, flush=True)


def _created(folder: RunFolder, connection: socket.socket, starter: TextIO) -> None:
    """Let go of the terminal."""
    _print_to_folder(folder)
    _answer(starter, "folder", str(folder.private.absolute()))
    with contextlib.suppress(OSError):  # it would write what it could not write above
        starter.close()
    connection.close()


def _print_to_folder(folder: RunFolder) -> None:
    """From here on, what this process prints goes to a file of the run."""
    try:
        fd = os.open(folder.private / "run.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:  # what would stand there stands in the log as well
        fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def _answer(starter: TextIO, key: str, text: str) -> None:
    try:
        print(json.dumps({key: text}), file=starter, flush=True)
    except OSError:  # the terminal is gone already; the run goes on
        return


if __name__ == "__main__":
    sys.exit(main())
