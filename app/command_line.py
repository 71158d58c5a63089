"""``everybatch COMMAND [flags]``. Nothing heavy is imported before the arguments are parsed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..log.language import LANGUAGES, default_language
from ..log.streams import give_up_stdout, prepare_streams, reader_has_left
from ..run.paths import check_current_folder

EXIT_FAILED, EXIT_USAGE = 1, 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    catalogue = Catalogue(_language(arguments))
    prepare_streams()
    try:
        code = _run(arguments, catalogue)
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError) and reader_has_left():
            give_up_stdout()
            return EXIT_BROKEN_PIPE
        problem = {"path": str(error.filename or "stdout"), "reason": error.strerror or str(error)}
        print(catalogue.text("usage", problem=catalogue.text("os_error", **problem)), file=sys.stderr)
        if error.filename is None:
            give_up_stdout()
        return EXIT_FAILED
    return code


def _run(arguments: Sequence[str], catalogue: Catalogue) -> int:
    if not arguments:
        print(catalogue.text("commands"), file=sys.stderr)
        return EXIT_USAGE
    if arguments[0] in ("-h", "--help"):
        print(catalogue.text("commands"))
        return 0
    try:
        check_current_folder()
        return _command(arguments[0])(arguments[1:], catalogue)
    except UsageError as error:
        print(catalogue.error(error), file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:  # before the run took over the signals
        return EXIT_INTERRUPTED


def _train(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from ..engine.config import TrainConfig
    from .train import train
    from .train_config import PROGRAM, read_request

    if _asks_for_help(arguments):
        return _help(TrainConfig, catalogue, f"{PROGRAM} [flags]")
    return train(read_request(arguments))


def _command_run(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from ..run.command_config import CommandConfig
    from .run_command import PROGRAM, run_command

    if not arguments or _asks_for_help(arguments[:1]):
        told = _help(CommandConfig, catalogue, f"{PROGRAM} [flags] CMD …")
        return told if arguments else EXIT_USAGE
    return run_command(arguments)


def _attach(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from .runs import attach
    from .runs_flags import RunConfig

    if _asks_for_help(arguments):
        return _help(RunConfig, catalogue, "everybatch attach [RUN]", "help_attach")
    return attach(arguments, catalogue)


def _runs(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from .runs import runs
    from .runs_flags import RunsConfig

    if _asks_for_help(arguments):
        return _help(RunsConfig, catalogue, "everybatch runs [flags]", "help_runs")
    return runs(arguments, catalogue)


def _stop(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from .runs import stop
    from .runs_flags import RunConfig

    if _asks_for_help(arguments):
        return _help(RunConfig, catalogue, "everybatch stop [RUN]", "help_stop")
    return stop(arguments, catalogue)


def _data(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from .data_flags import PROGRAM, DataConfig

    if _asks_for_help(arguments):
        return _help(DataConfig, catalogue, f"{PROGRAM} DIR [flags]", "help_data")
    from .data import data

    return data(arguments, catalogue)


def _analyze(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from .analyze_flags import PROGRAM, AnalyzeConfig

    if _asks_for_help(arguments):
        return _help(AnalyzeConfig, catalogue, f"{PROGRAM} [RUN …] [flags]")
    from .analyze import analyze

    return analyze(arguments, catalogue)


def _predict(arguments: Sequence[str], catalogue: Catalogue) -> int:
    from .predict_flags import PROGRAM, PredictConfig

    if _asks_for_help(arguments):
        return _help(PredictConfig, catalogue, f"{PROGRAM} [RUN] PICTURES … [flags]", "help_predict")
    from .predict import predict

    return predict(arguments, catalogue)


def _asks_for_help(arguments: Sequence[str]) -> bool:
    return not {"-h", "--help"}.isdisjoint(arguments)


def _help(kind: type[Any], catalogue: Catalogue, usage: str, about: str = "") -> int:
    from .flags_help import flags_help

    print(flags_help(kind, catalogue.lang, usage, about))
    return 0


Command = Callable[[Sequence[str], Catalogue], int]
COMMANDS: dict[str, Command] = {
    "train": _train,
    "run": _command_run,
    "attach": _attach,
    "runs": _runs,
    "stop": _stop,
    "data": _data,
    "analyze": _analyze,
    "predict": _predict,
}


def _command(name: str) -> Command:
    if name not in COMMANDS:
        raise UsageError("unknown_command", command=name, commands=", ".join(COMMANDS))
    return COMMANDS[name]


def _language(arguments: Sequence[str]) -> str:
    """The language asked for, known before parsing so that a mistake can be told in it."""
    for argument, following in pairwise([*arguments, ""]):
        name, _, value = argument.partition("=")
        if name == "--lang" and (value or following) in LANGUAGES:
            return value or following
    return default_language()
