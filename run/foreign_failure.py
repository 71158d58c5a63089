"""What failed in a training whose processes are not ours: they tell it by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..log.catalogue import Catalogue, one_line
from ..metrics.events import RankFailed
from ..metrics.records import Notice
from .printed import Printed
from .ranks import Ranks


def first_error(errors: Iterable[RankFailed]) -> RankFailed | None:
    """What was raised first, that of a rank which merely lost its peer last; None if nothing was."""
    return min(errors, key=lambda error: (bool(error.victim), error.at), default=None)


def raised(error: RankFailed) -> Notice:
    """Tells it in one line."""
    return Notice("failed_raised", "error", {"rank": error.rank, "error": error.error, "message": error.message})


def explain(
    failure: Notice, ranks: Ranks, printed: Printed, output: Path, catalogue: Catalogue
) -> tuple[list[str], list[str]]:
    """What was printed last, in all in `output`, as far as it tells why it failed, and what that was.

    The latter is the cause in one line, and where all is that was printed if anything was.
    """
    lines = printed.lines
    error = first_error(ranks.errors.values())
    if error is not None and failure.kind == "failed_raised":
        lines = error.traceback.splitlines()
    elif printed.exception and failure.kind == "command_exit":
        failure = Notice("command_exit_printed", "error", {**failure.fields, "error": printed.exception})
    path = [catalogue.text("run_output", path=str(output))] if printed.lines else []
    return [one_line(line) for line in lines], [catalogue.notice(failure), *path]
