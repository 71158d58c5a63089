"""Named values in an analysis: how each went, and which of them were not finite, from files in any state."""

import math

import pytest
from everybatch.metrics.analysis.analysis import analyse
from everybatch.metrics.analysis.run_files import runs_in
from everybatch.metrics.files.csv_rows import batch_header, batch_row, epoch_header, epoch_row
from everybatch.metrics.records import BatchRecord
from msgspec.structs import replace

from .synthetic import Run

RUN_ID = "20261124_120000"
BATCHES = 10


def record(step, values):
    epoch, batch = divmod(step - 1, BATCHES)
    return BatchRecord(epoch + 1, batch, step, 0.5, 0.1, 0.5, 0.5, 0.1, 0.0, 8, step / 10, 1, values)


def write_batches(folder, parts):
    """Files of batches: the names of each part, and the values of its rows."""
    step = 0
    for number, (names, rows) in enumerate(parts, 1):
        text = batch_header(names)
        for values in rows:
            step += 1
            text += batch_row(record(step, values), len(names))
        suffix = f"_part{number}" if number > 1 else ""
        (folder / f"batch_metrics_{RUN_ID}{suffix}.csv").write_text(text, "utf-8")


def stories(folder, *, with_batches=True):
    (files,) = runs_in(folder).values()
    analysis = analyse(files, with_batches=with_batches)
    return {story.name: story for story in analysis.values}, analysis


def findings(analysis, kind="nonfinite_value"):
    return [finding for finding in analysis.findings if finding.kind == kind]


def test_how_a_value_began_and_ended_its_least_and_most(tmp_path):
    write_batches(tmp_path, [(("dice",), [(step / 100,) for step in range(1, 101)])])
    (dice,) = stories(tmp_path)[0].values()
    assert (dice.early, dice.late) == (pytest.approx(0.055), pytest.approx(0.955))
    assert (dice.least, dice.most, dice.mean) == tuple(map(pytest.approx, (0.01, 1.0, 0.505)))
    assert (dice.key, dice.places[0], dice.places[-1], dice.nonfinite) == ("step", 1, 100, 0)


def test_what_was_not_computed_is_no_nan(tmp_path):
    rows = [(None, 1.0), (math.nan, 2.0), (0.5, None), (math.inf, 3.0), (None, None)]
    write_batches(tmp_path, [(("a", "b"), rows)])
    of, analysis = stories(tmp_path)
    assert (of["a"].places.tolist(), of["b"].places.tolist()) == ([2, 3, 4], [1, 2, 4])
    assert (of["a"].nonfinite, of["a"].mean, of["b"].nonfinite) == (2, 0.5, 0)
    (finding,) = findings(analysis)
    assert finding.figures == {"name": "a", "count": 2, "epoch": 1, "batch": 1}


def test_the_parts_of_a_file_are_one_table(tmp_path):
    write_batches(tmp_path, [(("a",), [(1.0,), (math.nan,)]), (("a", "late"), [(3.0, 7.0), (4.0, math.nan)])])
    of, analysis = stories(tmp_path)
    assert (of["a"].places.tolist(), of["late"].places.tolist()) == ([1, 2, 3, 4], [3, 4])
    assert [finding.figures["name"] for finding in findings(analysis)] == ["a", "late"]
    assert findings(analysis)[1].figures["batch"] == 3
    assert not findings(analysis, "extra_columns")


def test_torn_files_have_their_values_too(tmp_path):
    write_batches(tmp_path, [(("a,b", "两\n行"), [(1.0, 2.0), (math.nan, 3.0)])])
    path = tmp_path / f"batch_metrics_{RUN_ID}.csv"
    path.write_bytes(path.read_bytes() + b"1,2,3,0.")
    of, analysis = stories(tmp_path)
    assert (of["a,b"].nonfinite, of["两\n行"].mean) == (1, 2.5)
    (repaired,) = findings(analysis, "repaired")
    assert repaired.figures["damaged"] == 1


def test_a_value_that_never_was_a_number_has_no_figures(tmp_path):
    write_batches(tmp_path, [(("a",), [(math.nan,), (math.nan,)])])
    (a,) = stories(tmp_path)[0].values()
    assert a.nonfinite == 2
    assert all(math.isnan(figure) for figure in (a.early, a.late, a.least, a.most, a.mean))


def test_without_the_batches_it_is_the_values_of_the_epochs(tmp_path):
    run = Run(epochs=4)
    text = epoch_header(("dice",), ("mae",))
    for epoch, mae in enumerate((0.4, 0.3, math.nan, 0.1)):
        summary = replace(run.summary(epoch), val_metrics=(0.9,), values=(mae,))
        text += epoch_row(summary, ("dice",), ("mae",))
    (tmp_path / f"epoch_metrics_{RUN_ID}.csv").write_text(text)
    of, analysis = stories(tmp_path, with_batches=False)
    assert list(of) == ["mae"]
    assert (of["mae"].key, of["mae"].early, of["mae"].late, of["mae"].nonfinite) == ("epoch", 0.4, 0.1, 1)
    (finding,) = findings(analysis)
    assert (finding.variant, finding.figures) == ("_epoch", {"name": "mae", "count": 1, "epoch": 3})


def test_a_nan_of_a_value_is_a_warning_and_no_failure(tmp_path):
    write_batches(tmp_path, [(("kl",), [(math.nan,)])])
    assert not stories(tmp_path)[1].bad
