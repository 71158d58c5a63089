"""Everything that is found out about one run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..anomalies.stragglers import StragglerWatch
from ..files.csv_rows import EPOCH_COLUMNS
from ..files.journal import JournalReader
from ..records import RankState
from .batches import Phase, batch_findings, phases
from .epochs import best_epoch, epoch_findings
from .findings import Finding, gravest_first
from .run_files import RunFiles
from .tables import BATCH_TYPES, Repairs, read_batches, read_epochs
from .values import ValueStory, value_findings, value_stories

JOURNAL_BYTES = 4 << 20
"""Of the end of the journal, where the ranks' newest states are."""


@dataclass
class Analysis:
    """One run, understood."""

    files: RunFiles
    epochs: pd.DataFrame
    batches: pd.DataFrame | None
    """None if they were not asked for."""
    best_epoch: int | None
    phases: list[Phase] = field(default_factory=list)
    values: list[ValueStory] = field(default_factory=list)
    """The named values, by batches if they were asked for."""
    findings: list[Finding] = field(default_factory=list)
    """The gravest first; each kind once, but for changes of the learning rate and values."""

    @property
    def bad(self) -> bool:
        """The run failed, or holds a loss that is no number."""
        return any(finding.severity == "error" for finding in self.findings)


def analyse(files: RunFiles, *, with_batches: bool) -> Analysis:
    """Read and judge a run; raises `TableError` or `OSError`. The batch file is read if `with_batches`."""
    epochs, epoch_repairs = read_epochs(files.epoch_csvs)
    batches, batch_repairs = read_batches(files.batch_csvs) if with_batches else (None, Repairs())
    found = [*_life(files, epochs), *epoch_findings(epochs)]
    done: list[Phase] = []
    if batches is not None:
        done = phases(batches)
        of_batches = batch_findings(batches)
        exact = {finding.kind for finding in of_batches}
        found = [finding for finding in found if finding.kind not in exact] + of_batches
    if files.journal is not None:
        found += _stragglers(files.journal)
    values = _values(epochs, batches)
    found += value_findings(values, epochs if batches is None else batches)
    found += _repaired(epoch_repairs, batch_repairs)
    return Analysis(files, epochs, batches, best_epoch(epochs, files.score), done, values, gravest_first(found))


def _values(epochs: pd.DataFrame, batches: pd.DataFrame | None) -> list[ValueStory]:
    if batches is not None:
        return value_stories(batches, BATCH_TYPES, "step")
    known = {*EPOCH_COLUMNS, *(column for column in epochs if column.startswith("val_"))}
    return value_stories(epochs, known, "epoch")


def _life(files: RunFiles, epochs: pd.DataFrame) -> list[Finding]:
    """How the run ended, and in how many attempts."""
    if not len(epochs):
        return [Finding("failed", "error", {}, "_early")] if files.state == "failed" else []
    last = epochs.iloc[-1]
    figures: dict[str, int | float | str] = {"epoch": int(last["epoch"])}
    found = []
    if files.state == "failed" or (not files.state and last["status"] == "failed"):
        found.append(Finding("failed", "error", {**figures, "reason": files.cause or "-"}))
    elif files.state == "lost":
        found.append(Finding("lost", "warning", figures))
    elif files.state == "stopped" or (not files.state and last["status"] == "stopped"):
        found.append(Finding("stopped", "info", figures))
    elif files.state in ("running", "silent"):
        found.append(Finding(files.state, "info", figures))
    attempts = epochs["attempt"].max()
    if attempts > 1:
        found.append(Finding("attempts", "info", {"attempts": int(attempts)}))
    return found


def _repaired(of_epochs: Repairs, of_batches: Repairs) -> list[Finding]:
    found = []
    damaged = of_epochs.damaged + of_batches.damaged
    repeated = of_epochs.repeated + of_batches.repeated
    if damaged or repeated:
        found.append(Finding("repaired", "info", {"damaged": damaged, "repeated": repeated}))
    if of_epochs.missing or of_batches.missing:
        figures: dict[str, int | float | str] = {"epochs": of_epochs.missing, "batches": of_batches.missing}
        found.append(Finding("missing_rows", "warning", figures))
    extra = [*of_epochs.extra, *of_batches.extra]
    if extra:
        found.append(Finding("extra_columns", "info", {"columns": ", ".join(extra)}))
    return found


def _stragglers(journal: Path) -> list[Finding]:
    """Ranks that held up the others at the end of the journal."""
    try:
        reader = JournalReader(journal)
    except OSError:
        return []
    reader.seek(max(0, os.stat(journal).st_size - JOURNAL_BYTES))  # noqa: PTH116 - one call
    watch = StragglerWatch()
    while records := reader.read():
        for record in records:
            if isinstance(record, RankState):
                watch.add(record.rank, record.busy_seconds, record.step_seconds)
    reader.close()
    return [
        Finding("straggler", "warning", {"rank": rank, "times": times})
        for rank, times in sorted(watch.stragglers().items())
    ]
