"""Runs whose attempt failed and that start again by themselves, as often as asked for."""

import json
import signal

import pytest
from everybatch.metrics.records import RunEnded, RunStarted
from everybatch.metrics.run_view import RunView

from ..support import only, said, until


@pytest.mark.parametrize(
    "fault", [pytest.param("raise", marks=pytest.mark.slow), "kill", pytest.param("exit", marks=pytest.mark.slow)]
)
def test_a_failed_attempt_starts_again_by_itself(train, tiny, tmp_path, fault):
    env = {"TINY_FAULT": f"{fault}@18", "TINY_SECONDS": "0.02"}
    run = train(*tiny, "--epochs", "2", "--max_restarts", "1", "--log_batch_metrics", env=env)
    assert run.code == 0, run.stderr
    assert said(run.stdout, "end_restarting")
    assert said(run.stdout, "resumed", attempt=2)
    assert "rank 1" in run.stderr  # why it was needed
    assert [int(row["step"]) for row in run.rows("batch")] == list(range(1, 25))
    assert [(row["epoch"], row["status"], row["attempt"]) for row in run.rows("epoch")] == [
        ("1", "completed", "1"),
        ("2", "completed", "2"),
    ]
    records = run.journal()
    assert [record.attempt for record in records if isinstance(record, RunStarted)] == [1, 2]
    assert [record.state for record in records if isinstance(record, RunEnded)] == ["restarting", "finished"]
    content = json.loads(only(tmp_path, ".everybatch/*/run.json").read_text())
    assert (content["attempt"], content["state"]) == (2, "finished")
    view = RunView(only(tmp_path, ".everybatch/*/journal"))
    while view.pull(1.0):
        pass
    assert view.started.attempt == 2
    assert [epoch.epoch for epoch in view.epochs] == [1, 2]
    assert (view.run_part, view.restarting, view.ended.state) == (1.0, False, "finished")


@pytest.mark.slow
def test_no_more_restarts_than_asked_for(train, tiny):
    run = train(*tiny, "--epochs", "2", "--max_restarts", "2", env={"TINY_FAULT": "raise@5"})
    assert run.code == 1
    assert [record.attempt for record in run.journal() if isinstance(record, RunStarted)] == [1, 2, 3]
    assert len(said(run.stdout, "resumed_from_nothing")) == 2
    assert [row["attempt"] for row in run.rows("epoch")] == ["3"]


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_does_not_start_again(start, tiny):
    env = {"TINY_SECONDS": "3600"}
    run = start(*tiny, "--max_restarts", "5", env=env)
    until(lambda: len(run.ranks()) == 2)
    run.send(signal.SIGTERM)
    until(lambda: "SIGTERM" in run.log())
    run.send(signal.SIGTERM)
    done = run.wait()
    assert done.code == 143
    assert [record.attempt for record in done.journal() if isinstance(record, RunStarted)] == [1]
