"""``everybatch COMMAND [flags]``. Nothing heavy is imported before the arguments are parsed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise

from ..log.errors import UsageError
from ..log.words import LANGUAGES, Words

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    words = Words(_language(arguments))
    if not arguments:
        print(words.say("commands"), file=sys.stderr)
        return EXIT_USAGE
    if arguments[0] in ("-h", "--help"):
        print(words.say("commands"))
        return 0
    try:
        return _command(arguments[0])(arguments[1:])
    except UsageError as error:
        print(words.error(error), file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:  # before the run took over the signals
        return EXIT_INTERRUPTED


def train(arguments: Sequence[str]) -> int:
    """``everybatch train``, the same as ``python src/train_ddp.py``."""
    from ..engine.config import TrainConfig
    from .arguments import parse
    from .flags_help import flags_help

    if {"-h", "--help"} & set(arguments):
        print(flags_help(TrainConfig, _language(arguments), "everybatch train"))
        return 0
    config = parse(TrainConfig, arguments, "everybatch train")
    config.check()
    from ..engine.run import run

    return run(config, Words(config.lang), sys.stdout, sys.stderr)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"train": train}


def _command(name: str) -> Callable[[Sequence[str]], int]:
    if name not in COMMANDS:
        raise UsageError("unknown_command", command=name, commands=", ".join(COMMANDS))
    return COMMANDS[name]


def _language(arguments: Sequence[str]) -> str:
    """The language asked for, known before parsing so that a mistake can be told in it."""
    for argument, following in pairwise([*arguments, ""]):
        name, _, value = argument.partition("=")
        if name == "--lang" and (value or following) in LANGUAGES:
            return value or following
    return "en" if os.environ.get("EVERYBATCH_LANG", "").lower().startswith("en") else "zh"
