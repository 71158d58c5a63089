"""Named values, learnt metrics, steps and validations at any time: into the log, the CSV files and the journal."""

import csv
import math
import time

import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.events import (
    BatchEvent,
    BatchValues,
    EpochBegan,
    EpochEnded,
    Hello,
    Introduced,
    Planned,
    ValidatedAt,
)
from everybatch.metrics.records import UNKNOWN, RunStarted
from everybatch.metrics.run_view import RunView
from everybatch.metrics.values import MOST_NAMES
from everybatch.run.aggregator import Aggregator
from everybatch.run.attempt_info import AttemptInfo
from everybatch.run.run_folder import RunFolder

BEGAN = time.monotonic()


class Recorded:
    """What comes of the events of ranks that are not ours."""

    def __init__(self, root):
        self.folder = RunFolder.create(root, time.localtime())
        started = RunStarted(self.folder.run_id, 1, "python train.py", UNKNOWN, UNKNOWN, "", "", 1, (), time.time())
        self.aggregator = Aggregator(AttemptInfo(self.folder, started, True), Catalogue("en"), None)

    def tell(self, *events):
        for event in events:
            self.aggregator.handle(event)

    def end(self, state="finished"):
        self.aggregator.end(state, "")
        self.aggregator.sinks.close()

    def lines(self):
        return [line[24:] for line in self.folder.log.read_text("utf-8").splitlines()]

    def rows(self, kind):
        folder = self.folder.batch_csv.parent
        paths = sorted(folder.glob(f"{kind}_metrics_*.csv"), key=lambda path: (len(path.name), path.name))
        return [list(csv.DictReader(path.open(encoding="utf-8", newline=""))) for path in paths]

    def view(self):
        self.aggregator.sinks.flush()
        view = RunView(self.folder.journal)
        while view.pull(0.01):
            continue
        view.close()
        return view


@pytest.fixture
def recorded(tmp_path):
    return Recorded(tmp_path)


def batch(step, values=None, *, rank=0, epoch=1, how=None, loss=0.5, lr=0.1, samples=4):
    if values is not None:
        yield BatchValues(rank, step, values, how or {})
    yield BatchEvent(rank, epoch, step - 1, step, loss, lr, samples, 0.1, 0.0, 0.1, BEGAN + 0.1 * step)


def test_values_stand_behind_the_learning_rate_and_are_columns(recorded):
    recorded.tell(
        EpochBegan(0, 1, 2, 0), *batch(1, {"dice": 0.25, "iou": 0.5}), *batch(2, {"dice": 0.75, "iou": 1.5})
    )
    recorded.tell(EpochEnded(0, 1, "completed", 1.0, 1.0))
    recorded.end()
    first = next(line for line in recorded.lines() if "(0/2)" in line)
    assert first.endswith("- Batch Loss: 0.500000 - LR: 0.10000000 - dice: 0.25 - iou: 0.5")
    assert "Values of the epoch: dice: 0.5 - iou: 1" in recorded.lines()
    (rows,) = recorded.rows("batch")
    assert [(row["dice"], row["iou"]) for row in rows] == [("0.25", "0.5"), ("0.75", "1.5")]
    (epochs,) = recorded.rows("epoch")
    assert [(row["dice"], row["iou"]) for row in epochs] == [("0.5", "1")]
    view = recorded.view()
    assert view.started.value_names == ("dice", "iou")
    assert {name: value.newest for name, value in view.values.by_name.items()} == {"dice": 0.75, "iou": 1.5}


def test_a_name_that_comes_later_than_the_first_row_starts_another_part(recorded):
    recorded.tell(EpochBegan(0, 1, 4, 0), *batch(1, {"dice": 0.1}), *batch(2, {"dice": 0.2}))
    recorded.aggregator.sinks.flush()
    recorded.tell(*batch(3, {"iou": 0.3}), *batch(4, {"iou": 0.4, "dice": 0.5}))
    recorded.end()
    first, second = recorded.rows("batch")
    assert [(row["step"], row["dice"]) for row in first] == [("1", "0.1"), ("2", "0.2")]
    assert [(row["step"], row["dice"], row["iou"]) for row in second] == [("3", "", "0.3"), ("4", "0.5", "0.4")]
    assert any("part2" in line for line in recorded.lines())


def test_a_value_named_as_another_column_says_that_it_is_a_value(recorded):
    recorded.tell(EpochBegan(0, 1, 1, 0), *batch(1, {"loss": 7.0, "a,b": 8.0, "两\n行": 9.0}, loss=0.5))
    recorded.end()
    ((row,),) = recorded.rows("batch")
    assert (row["loss"], row["value_loss"], row["a,b"], row["两\n行"]) == ("0.5", "7", "8", "9")
    assert all(len(line) > 10 for line in recorded.lines() if "Batch Loss" in line)


def test_too_many_names_are_said_once_and_the_rest_is_kept(recorded):
    recorded.tell(EpochBegan(0, 1, UNKNOWN, 0))
    for step in range(1, 2 * MOST_NAMES):
        recorded.tell(*batch(step, {f"v{step}": 1.0}))
    recorded.end()
    assert len(recorded.view().started.value_names) == MOST_NAMES
    assert sum(f"v{MOST_NAMES + 1}" in line and "Batch Loss" not in line for line in recorded.lines()) == 1
    assert sum(len(rows) for rows in recorded.rows("batch")) == 2 * MOST_NAMES - 1


def test_two_ranks_with_different_names(recorded):
    recorded.tell(Hello(0, 11), Introduced(0, 2, "cpu"), Hello(1, 12), Introduced(1, 2, "cpu"))
    recorded.tell(EpochBegan(0, 1, 1, 0), EpochBegan(1, 1, 1, 0))
    recorded.tell(*batch(1, {"a": 1.0, "both": 2.0}, rank=0), *batch(1, {"b": 3.0, "both": 4.0}, rank=1))
    recorded.end()
    ((row,),) = recorded.rows("batch")
    assert (row["a"], row["b"], row["both"]) == ("1", "3", "3")


def test_what_is_not_finite_stands_there_as_such_and_what_is_missing_is_empty(recorded):
    recorded.tell(EpochBegan(0, 1, 2, 0), *batch(1, {"a": math.nan, "b": math.inf}), *batch(2, {"b": -math.inf}))
    recorded.end()
    (rows,) = recorded.rows("batch")
    assert [(row["a"], row["b"]) for row in rows] == [("nan", "inf"), ("", "-inf")]
    view = recorded.view()
    assert (view.values.by_name["a"].nonfinite, view.values.by_name["b"].nonfinite) == (1, 2)


def test_a_learning_rate_and_samples_that_nobody_knows_are_unknown_everywhere(recorded):
    recorded.tell(EpochBegan(0, 1, UNKNOWN, 0), *batch(1, lr=math.nan, samples=0, loss=1.0))
    recorded.tell(*batch(2, lr=math.nan, samples=0, loss=2.0), EpochEnded(0, 1, "completed", 1.0, 1.0))
    recorded.end()
    (rows,), (epochs,) = recorded.rows("batch"), recorded.rows("epoch")
    assert [(row["lr"], row["samples"]) for row in rows] == [("", ""), ("", "")]
    (epoch,) = epochs
    assert (epoch["avg_loss"], epoch["lr"], epoch["samples"], epoch["samples_per_second"]) == ("1.5", "", "", "")
    assert not any("nan" in line for line in recorded.lines())


# ---- steps instead of epochs, validations -----------------------------------------------------------------


def test_steps_that_are_told_instead_of_epochs_are_the_progress_of_the_run(recorded):
    recorded.tell(Planned(0, UNKNOWN, 8), EpochBegan(0, 1, UNKNOWN, 0))
    for step in (1, 2):
        recorded.tell(*batch(step))
    view = recorded.view()
    assert view.run_part == 0.25
    elapsed = view.batch.elapsed_seconds
    assert view.seconds_left == pytest.approx(6 * elapsed / 2)
    assert math.isnan(view.epoch_part)


def test_validations_at_any_time_and_any_number_of_times(recorded):
    recorded.tell(ValidatedAt(0, 1, 0, 0.9, {}, 0.1))  # before any epoch
    recorded.tell(EpochBegan(0, 1, UNKNOWN, 0), *batch(1), ValidatedAt(0, 1, 1, 0.8, {"dice": 0.5}, 0.1))
    recorded.tell(*batch(2), ValidatedAt(0, 1, 2, None, {"dice": 0.6, "iou": 0.7}, 0.1))
    recorded.tell(EpochEnded(0, 1, "completed", 1.0, 1.0), ValidatedAt(0, 1, 2, 0.7, {}, 0.1))
    recorded.end()
    lines = [line for line in recorded.lines() if line.startswith("Validation after")]
    assert len(lines) == 4
    assert "0.800000" in lines[1]
    assert "dice: 0.5" in lines[1]
    assert "dice: 0.6" in lines[2]
    assert recorded.view().validations == [(0, 0.9), (1, 0.8), (2, 0.7)]
    ((row,),) = recorded.rows("epoch")
    assert (row["val_loss"], row["val_dice"], row["val_iou"]) == ("0.8", "0.6", "0.7")


def test_the_newest_validation_of_an_epoch_is_that_of_its_row(recorded):
    recorded.tell(EpochBegan(0, 1, UNKNOWN, 0), *batch(1), ValidatedAt(0, 1, 1, 0.8, {"dice": 0.5}, 0.1))
    recorded.tell(*batch(2), ValidatedAt(0, 1, 2, 0.6, {"dice": 0.7}, 0.1), EpochEnded(0, 1, "completed", 1.0, 1.0))
    recorded.end()
    ((row,),) = recorded.rows("epoch")
    assert (row["val_loss"], row["val_dice"]) == ("0.6", "0.7")
    view = recorded.view()
    assert view.validations == [(1, 0.8), (2, 0.6)]  # that of the row is not a third one
    assert view.best.epoch == 1


def test_a_batch_before_any_epoch_opens_it(recorded):
    recorded.tell(Hello(0, 11), *batch(1), *batch(2))
    recorded.end("stopped")
    (rows,) = recorded.rows("batch")
    assert [row["epoch"] for row in rows] == ["1", "1"]
    ((epoch,),) = recorded.rows("epoch")
    assert (epoch["avg_loss"], epoch["status"]) == ("0.5", "stopped")
    assert any("(0/?)" in line for line in recorded.lines())
