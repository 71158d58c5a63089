"""``everybatch runs``, ``attach`` and ``stop``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

from ..errors import UsageError
from ..log.catalogue import Catalogue, width
from ..log.streams import print_json
from ..metrics.commands import Command
from ..run.control_client import ask_run
from ..run.registry import LIVE, RegisteredRun, all_runs, find_run
from .arguments import parse
from .launch import has_terminal
from .runs_flags import RunConfig, RunsConfig

MOST_TASK = 32
"""Characters of a task, or of a command, in the table."""
COLUMNS = ("run", "state", "task", "ranks", "started", "folder")


def runs(arguments: Sequence[str], catalogue: Catalogue) -> int:
    """Print all runs that are known, the newest last."""
    config = parse(RunsConfig, arguments, "everybatch runs")
    rows = [_row(run) for run in all_runs()]
    if config.json:
        print_json(rows)
        return 0
    table = [[catalogue.text(f"column_{column}") for column in COLUMNS]]
    table += [[_cell(column, value, catalogue) for column, value in row.items()] for row in rows]
    widths = [max(width(row[i]) for row in table) for i in range(len(COLUMNS))]
    for row in table:
        print("  ".join(cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row)).rstrip())
    return 0


def attach(arguments: Sequence[str], catalogue: Catalogue) -> int:
    """Watch a run; it goes on when the monitor is left."""
    run = find_run(_one_run(arguments, "everybatch attach"))
    if not has_terminal():
        raise UsageError("no_terminal", path=str(run.folder.log))
    from .terminal_supervisor import watch

    return watch(run.folder.private, catalogue)


def stop(arguments: Sequence[str], catalogue: Catalogue) -> int:
    """Ask a run to save and stop after the present batch."""
    run = find_run(_one_run(arguments, "everybatch stop"))
    if run.state not in (*LIVE, "silent"):
        raise UsageError("not_live", run=run.run_id, state=catalogue.text(f"state_{run.state}"))
    if run.elsewhere:
        raise UsageError("run_elsewhere", run=run.run_id, host=run.host)
    reply = ask_run(run, Command.STOP)
    if not reply.taken:
        print(catalogue.text("not_taken", reason=reply.reason), file=sys.stderr)
        return 1
    print(
        catalogue.text(
            "stop_asked_foreign" if run.foreign else "stop_sent", run=run.run_id, folder=str(run.folder.root)
        )
    )
    return 0


def _row(run: RegisteredRun) -> dict[str, str | int]:
    config = run.content.get("config") or {}
    return {
        "run": run.run_id,
        "state": run.state,
        "task": str(config.get("task", "")),
        "ranks": int(run.content.get("world_size", 0)),
        "started": datetime.fromtimestamp(run.started_at).astimezone().isoformat(" ", "seconds")[:19],
        "folder": str(run.folder.root),
    }


def _cell(column: str, value: str | int, catalogue: Catalogue) -> str:
    """A cell of the table; a command may be as long as a page."""
    text = catalogue.text(f"state_{value}") if column == "state" else str(value)
    return text if column != "task" or len(text) <= MOST_TASK else f"{text[: MOST_TASK - 1]}…"


def _one_run(arguments: Sequence[str], program: str) -> str | None:
    """The run that is named; None for the newest one."""
    named = parse(RunConfig, arguments, program).runs
    if len(named) > 1:
        raise UsageError("one_run", command=program, runs=" ".join(named))
    return named[0] if named else None
