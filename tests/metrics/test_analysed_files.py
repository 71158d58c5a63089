"""The analysis takes files in any state, says what is wrong with them, and compares several runs."""

import numpy as np
import pytest
from everybatch.metrics.analysis.analysis import analyse
from everybatch.metrics.analysis.compare import compare
from everybatch.metrics.analysis.run_files import runs_in
from everybatch.metrics.analysis.tables import TableError

from .synthetic import Run, alarms


def table_findings(folder):
    (files,) = runs_in(folder).values()
    analysis = analyse(files, with_batches=True)
    return analysis, {finding.kind: finding for finding in analysis.findings}


def test_torn_lines_repeated_epochs_and_foreign_columns_are_said(tmp_path):
    run = Run(epochs=10)
    folder = run.write(tmp_path)
    epochs, batches = folder / "epoch_metrics_20261124_120000.csv", folder / "batch_metrics_20261124_120000.csv"
    rows = run.epoch_rows()
    header = epochs.read_text().splitlines()[0]
    epochs.write_text(
        f"{header},mood\n" + "".join(r.replace("\n", ",good\n") for r in [*rows, rows[4], rows[9]]) + "11,0."
    )
    batches.write_text(batches.read_text() + "hello\n" + run.batch_rows()[-1] + "10,171,17")
    analysis, findings = table_findings(folder)
    assert list(analysis.epochs["epoch"]) == list(range(1, 11))
    assert len(analysis.batches) == 1710
    assert findings["repaired"].figures == {"damaged": 3, "repeated": 3}
    assert findings["extra_columns"].figures == {"columns": "mood"}
    assert alarms(findings) == set()


@pytest.mark.parametrize("cut", [1, 2, 5, 20, 45])
def test_a_batch_file_torn_anywhere(tmp_path, cut):
    folder = Run(epochs=3).write(tmp_path)
    path = folder / "batch_metrics_20261124_120000.csv"
    path.write_bytes(path.read_bytes()[:-cut])
    analysis, findings = table_findings(folder)
    assert len(analysis.batches) == 3 * 171 - 1
    assert findings["repaired"].figures["damaged"] == 1


def test_rows_that_are_missing_are_counted(tmp_path):
    run = Run(epochs=10)
    folder = run.write(tmp_path)
    for name, gone in (("epoch", [4]), ("batch", range(100, 110))):
        path = folder / f"{name}_metrics_20261124_120000.csv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for place, line in enumerate(lines) if place - 1 not in gone))
    _, findings = table_findings(folder)
    assert findings["missing_rows"].figures == {"epochs": 1, "batches": 10}


def test_a_stopped_epoch_is_no_epoch_and_attempts_are_told(tmp_path):
    run = Run(epochs=10)
    run.status[9] = "stopped"
    run.attempt = [1] * 5 + [2] * 5
    analysis, findings = table_findings(run.write(tmp_path))
    assert findings["stopped"].figures == {"epoch": 10}
    assert findings["attempts"].figures == {"attempts": 2}
    assert analysis.best_epoch != 10


def test_a_failed_run_is_bad(tmp_path):
    run = Run(epochs=10)
    run.status[9] = "failed"
    analysis, findings = table_findings(run.write(tmp_path))
    assert findings["failed"].severity == "error"
    assert analysis.bad


@pytest.mark.parametrize("content", ["", "header"])
def test_an_empty_run(tmp_path, content):
    folder = Run(epochs=1).write(tmp_path)
    for path in folder.glob("*.csv"):
        path.write_text(path.read_text().splitlines(keepends=True)[0] if content else "")
    analysis, findings = table_findings(folder)
    assert (len(analysis.epochs), len(analysis.batches), findings) == (0, 0, {})


def test_a_file_that_is_none_of_ours(tmp_path):
    (tmp_path / "epoch_metrics_x.csv").write_text("a,b\n1,2\n")
    (files,) = runs_in(tmp_path).values()
    with pytest.raises(TableError, match="epoch, avg_loss"):
        analyse(files, with_batches=False)


def test_the_parts_of_a_run_belong_together(tmp_path):
    run = Run(epochs=10)
    folder = run.write(tmp_path)
    whole = folder / "epoch_metrics_20261124_120000.csv"
    lines = whole.read_text().splitlines(keepends=True)
    whole.write_text("".join(lines[:6]))
    (folder / "epoch_metrics_20261124_120000_part2.csv").write_text("".join(lines[:1] + lines[6:]))
    analysis, _ = table_findings(folder)
    assert list(analysis.epochs["epoch"]) == list(range(1, 11))


# ---- several runs -----------------------------------------------------------------------------------------


def compared(tmp_path, *runs, configs=({}, {}), scores=("", "")):
    analyses = []
    for place, (run, config, score) in enumerate(zip(runs, configs, scores, strict=True)):
        (files,) = runs_in(run.write(tmp_path / str(place), f"2026112{place}_120000")).values()
        files.config, files.score = config, score
        analyses.append(analyse(files, with_batches=False))
    return compare(analyses)


def test_a_run_that_is_better_by_far(tmp_path):
    result = compared(
        tmp_path, Run(end=0.12), Run(end=0.08, seed=1),
        configs=({"lr": 0.1, "task": "phantoms", "lang": "zh"}, {"lr": 0.001, "task": "phantoms", "lang": "en"}),
    )  # fmt: skip
    assert [standing.run_id for standing in result.standings] == ["20261121_120000", "20261120_120000"]
    assert result.clear
    assert result.validated
    assert result.differences == {"lr": ["0.1", "0.001"]}


def with_dice(best, **of_run):
    run = Run(**of_run)
    run.metrics["dice"] = np.minimum(best, np.linspace(0.2, best + 0.1, run.epochs)) + 0.001 * (
        np.arange(run.epochs) % 2
    )
    return run


def test_runs_that_judge_by_the_same_metric_are_compared_by_it_and_the_highest_is_the_best(tmp_path):
    runs = with_dice(0.7, end=0.08), with_dice(0.9, end=0.12)
    result = compared(tmp_path, *runs, scores=("dice", "dice"))
    assert result.metric == "dice"
    assert [standing.run_id for standing in result.standings] == ["20261121_120000", "20261120_120000"]
    best, second = result.standings
    assert (best.score, best.behind) == (pytest.approx(0.901), 0)
    assert best.epoch == 1 + np.argmax(runs[1].metrics["dice"])
    assert second.score == pytest.approx(0.701)
    assert second.behind > 100
    assert result.clear


@pytest.mark.parametrize("scores", [("dice", ""), ("dice", "iou")])
def test_runs_that_judge_by_different_things_are_compared_by_their_loss(tmp_path, scores):
    result = compared(tmp_path, with_dice(0.9, end=0.12), with_dice(0.7, end=0.08), scores=scores)
    assert (result.metric, result.validated) == ("", True)
    assert result.standings[0].run_id == "20261121_120000"


def test_runs_that_cannot_be_told_apart(tmp_path):
    result = compared(tmp_path, Run(seed=1, jitter=0.01), Run(seed=2, jitter=0.01))
    assert not result.clear
    assert result.differences == {}
