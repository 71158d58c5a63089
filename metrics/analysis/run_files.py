"""The files of a run that an analysis reads, wherever they were copied to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NAME = re.compile(r"(epoch|batch)_metrics_(.+?)(?:_part(\d+))?\.csv")


@dataclass
class RunFiles:
    """One run; its CSV files in the order in which they were written."""

    run_id: str
    folder: Path
    """Where its CSV files are, and its pictures go."""
    epoch_csvs: list[Path] = field(default_factory=list)
    batch_csvs: list[Path] = field(default_factory=list)
    journal: Path | None = None
    checkpoints: Path | None = None
    """The folder that has them, if it has any; None for a run that is not known here."""
    state: str = ""
    """What its run.json tells; empty if there is no run.json."""
    config: dict[str, Any] = field(default_factory=dict)
    foreign: str = ""
    """`command` or `loop` for a training that is somebody's own; empty for one of our tasks."""
    score: str = ""
    """The metric that the best epoch is judged by; empty for the loss."""
    cause: str = ""
    """Why it failed, in one line; empty if it did not."""


def runs_in(folder: Path) -> dict[str, RunFiles]:
    """The runs that have CSV files in `folder`, by id, the oldest first."""
    found: dict[str, RunFiles] = {}
    for path in sorted(folder.glob("*_metrics_*.csv"), key=_order):
        match = _NAME.fullmatch(path.name)
        if match:
            run = found.setdefault(match[2], RunFiles(match[2], folder))
            (run.epoch_csvs if match[1] == "epoch" else run.batch_csvs).append(path)
    return dict(sorted(found.items()))


def newest(runs: Iterable[RunFiles]) -> RunFiles | None:
    """The run whose files were written last, None if there is none."""
    return max(runs, key=lambda run: max(map(_written_at, run.epoch_csvs + run.batch_csvs)), default=None)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # a link that leads nowhere
        return 0.0


def _order(path: Path) -> tuple[str, int]:
    match = _NAME.fullmatch(path.name)
    return (match[2], int(match[3] or 1)) if match else (path.name, 0)
