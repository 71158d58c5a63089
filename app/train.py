"""``everybatch train``: with a terminal a run apart from it and the monitor on it, otherwise plain lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..log.words import Words

if TYPE_CHECKING:
    from ..engine.config import TrainConfig

EXIT_USAGE, EXIT_FAILED = 2, 1


def train(config: TrainConfig, arguments: Sequence[str]) -> int:
    """Train as `config` says, which was read from `arguments`; the exit code."""
    config.check()
    words = Words(config.lang)
    if config.tui and has_terminal():
        from ..engine.checks import check_files

        check_files(config)
        return _with_monitor(arguments, words)
    from ..engine.run import run

    return run(config, words, sys.stdout, sys.stderr)


def has_terminal() -> bool:
    """Whether a person looks on: Textual reads stdin and draws on stderr, and a piped stdout wants lines."""
    if os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI"):
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def _with_monitor(arguments: Sequence[str], words: Words) -> int:
    from .guard import watch

    print(words.say("stage_importing"), flush=True)
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "everybatch.app.run_process", str(theirs), *arguments],
        stdin=subprocess.DEVNULL,
        pass_fds=(theirs,),
        start_new_session=True,
    )
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as told:
        line = told.readline()
    if not line:  # it died before it could say anything; its traceback is on the screen
        return process.wait() or EXIT_FAILED
    answer = json.loads(line)
    if "usage" in answer:
        print(answer["usage"], file=sys.stderr)
        process.wait()
        return EXIT_USAGE
    return watch(Path(answer["folder"]), words)
