"""A run that version 0.1 recorded still opens, is analysed and goes on: no format of its files has changed.

It was stopped in the middle of its fourth and last epoch. What the same run gave that nobody stopped is kept too.
"""

import csv
import json
import shutil

import pytest
from everybatch.app.command_line import main
from everybatch.app.monitor import Monitor
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.records import BatchRecord, EpochSummary, RunEnded, RunStarted
from everybatch.metrics.run_view import RunView
from everybatch.run.registry import read_run
from everybatch.widgets.row_text import row_line

from .app.driver import drive, screen
from .support import REPOSITORY

KEPT = REPOSITORY / "tests" / "kept_run"
RUN_ID = "20261125_214126"
STOPPED_AFTER = 39
"""Batches of the 48."""

SAME = {
    "batch": ("epoch", "batch", "step", "loss", "lr", "min_rank_loss", "max_rank_loss", "samples"),
    "epoch": (
        "epoch", "avg_loss", "min_batch_loss", "max_batch_loss", "lr", "val_loss", "samples", "nonfinite_batches",
        "world_size", "status", "val_mae",
    ),
}  # fmt: skip
"""Columns that do not depend on how fast a machine is, or on how often the run was stopped."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which that run was started, and no run that is known from elsewhere."""
    shutil.copytree(KEPT, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("EVERYBATCH_LANG", "")
    return tmp_path


@pytest.fixture
def view(folder):
    view = RunView(folder / ".everybatch" / RUN_ID / "journal")
    while view.pull(1.0):
        pass
    yield view
    view.close()


@pytest.fixture
def lines(view):
    """The lines of the run as a monitor shows them."""
    return [row_line(view.rows[number], Catalogue("zh"))[0] for number in range(view.rows.count)]


@pytest.fixture
def logged(folder):
    """The lines of its log file, without their times."""
    log = (folder / "log" / f"training_{RUN_ID}.log").read_text("utf-8")
    return [line.split(" ", 2)[2] for line in log.splitlines()]


def table(path, columns):
    with path.open(newline="") as file:
        return [tuple(row[column] for column in columns) for row in csv.DictReader(file)]


def test_it_is_listed(folder, capsys):
    assert main(["runs", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    row.pop("started")  # in the time of this place
    assert row == {
        "run": RUN_ID, "state": "stopped", "task": "fitted_line:FittedLine", "ranks": 2, "folder": str(folder),
    }  # fmt: skip


def test_its_journal_gives_the_lines_of_its_log_file(lines, logged):
    assert len(lines) == 103
    assert lines[:-1] == logged[:-1]


def test_its_last_line_says_by_what_the_best_epoch_was_judged(lines, logged):
    assert lines[-1] == logged[-1] == "最佳epoch: 3（验证损失 0.874356）"


def test_what_a_watcher_knows_of_it(view):
    assert (view.started.task, view.started.world_size, view.started.metric_names) == (
        "fitted_line:FittedLine", 2, ("mae",),
    )  # fmt: skip
    assert (view.ended.state, view.batch_count, view.epoch, view.interval) == ("stopped", STOPPED_AFTER, 4, 1)
    assert [epoch.status for epoch in view.epochs] == ["completed"] * 3 + ["stopped"]
    assert [batches for batches, _ in view.validations] == [12, 24, 36]
    assert view.best.epoch == 3
    assert sorted(view.ranks) == [0, 1]
    rows = table(KEPT / "metrics" / f"batch_metrics_{RUN_ID}.csv", ("step", "loss"))
    assert (str(view.batch.step), f"{view.batch.loss:.9g}") == rows[-1]


def test_a_monitor_draws_it(folder, logged):
    async def script(monitor, pilot):
        for _ in range(3):
            monitor.frame()
            await pilot.pause()
        shown = screen(monitor)
        assert shown[0].startswith(" 已停止 ")
        text = "\n".join(shown)
        height = monitor.log_pane.body_height
        assert height > 10
        for line in logged[-height:-1]:
            assert line[:60] in text

    drive(Monitor(read_run(folder / ".everybatch" / RUN_ID), Catalogue("zh"), live=False), script)


def test_it_is_analysed_as_it_was(folder, capsys):
    assert main(["analyze", "--batch_metrics", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("values") == []
    assert told == json.loads((KEPT / "analysis.json").read_text("utf-8"))


def test_it_goes_on_as_if_it_had_never_been_stopped(folder, train):
    run = train("--resume")
    assert (run.code, run.stderr) == (0, "")
    assert f"从 checkpoints/{RUN_ID}/last.pt 继续，Epoch 4，跳过已完成的 3 个batch" in run.stdout
    for kind, file in (("batch", "uninterrupted_batches.csv"), ("epoch", "uninterrupted_epochs.csv")):
        found = table(folder / "metrics" / f"{kind}_metrics_{RUN_ID}.csv", SAME[kind])
        assert found == table(KEPT / file, SAME[kind])
    # From its checkpoint, not from scratch, which would give the same.
    attempts = [int(row["attempt"]) for row in run.rows("batch")]
    assert attempts == [1] * STOPPED_AFTER + [2] * (48 - STOPPED_AFTER)
    before = (KEPT / "metrics" / f"batch_metrics_{RUN_ID}.csv").read_text()
    assert (folder / "metrics" / f"batch_metrics_{RUN_ID}.csv").read_text().startswith(before)
    journal = run.journal()
    assert [record.step for record in journal if isinstance(record, BatchRecord)] == list(range(1, 49))
    assert [record.attempt for record in journal if isinstance(record, RunStarted)] == [1, 2]
    assert [record.state for record in journal if isinstance(record, RunEnded)] == ["stopped", "finished"]
    assert [record.status for record in journal if isinstance(record, EpochSummary)][-1] == "completed"
    assert json.loads((folder / ".everybatch" / RUN_ID / "run.json").read_text())["state"] == "finished"
