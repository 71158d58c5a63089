"""The run process of a run that has a monitor: started apart from the terminal, it speaks to its starter by a pipe.

``python -m everybatch.app.run_process FD [flags]`` writes one JSON object a line to file descriptor FD:
``{"usage": …}`` for a mistake of the user, ``{"folder": …}`` once the run can be watched.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

from ..engine.run import run
from ..engine.run_folder import RunFolder
from ..log.errors import UsageError
from ..log.words import Words
from .train_config import read_config

EXIT_USAGE = 2


def main() -> int:
    """Run to the end; the exit code."""
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as starter:
        config = read_config(sys.argv[2:])
        try:
            return run(config, Words(config.lang), None, sys.stderr, lambda folder: _created(folder, starter))
        except UsageError as error:
            _tell(starter, "usage", Words(config.lang).error(error))
            return EXIT_USAGE


def _created(folder: RunFolder, starter: TextIO) -> None:
    """Let go of the terminal: from here on, what this process prints goes to a file of the run."""
    fd = os.open(folder.private / "run.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    _tell(starter, "folder", str(folder.private.absolute()))
    starter.close()


def _tell(starter: TextIO, key: str, text: str) -> None:
    try:
        print(json.dumps({key: text}), file=starter, flush=True)
    except OSError:  # the terminal is gone already; the run goes on
        return


if __name__ == "__main__":
    sys.exit(main())
