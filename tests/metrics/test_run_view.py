import gc
import math
import os
import random
import time
from types import FunctionType, ModuleType

import msgspec
import pytest
from everybatch.metrics.anomalies.spikes import SpikeWatch
from everybatch.metrics.anomalies.stragglers import StragglerWatch
from everybatch.metrics.downsample import CAPACITY, Downsampled
from everybatch.metrics.files.journal import encode_record
from everybatch.metrics.log_rows import BLOCK, CACHED_BLOCKS
from everybatch.metrics.records import (
    BatchRecord,
    EpochStarted,
    EpochSummary,
    Notice,
    RankState,
    RunEnded,
    RunStarted,
    Start,
)
from everybatch.metrics.run_view import RunView

from .. import replay
from ..support import until


@pytest.fixture
def view(tmp_path):
    def make(*records):
        path = tmp_path / "journal"
        path.write_bytes(b"".join(map(encode_record, records)))
        view = RunView(path)
        while view.pull(0.01):
            continue
        return view

    return make


def test_a_view_knows_what_the_journal_says(view):
    records = list(replay.records(400, epochs=10, start=0.0))
    seen = view(*records)
    batches = [record for record in records if isinstance(record, BatchRecord)]
    epochs = [record for record in records if isinstance(record, EpochSummary)]
    assert (seen.batch_count, seen.batch, seen.epochs, seen.epoch) == (400, batches[-1], epochs, 3)
    assert seen.best == min(epochs, key=lambda epoch: epoch.loss)
    assert seen.validations == [(171, epochs[0].val_loss), (342, epochs[1].val_loss)]
    assert seen.epoch_part == pytest.approx(58 / 171)
    assert seen.run_part == pytest.approx((2 + 58 / 171) / 10)
    assert seen.seconds_left == pytest.approx((1 - 58 / 171 + 7) * 5.6)
    assert seen.saved_at == pytest.approx(0.03 * 342)  # when the second epoch had ended
    assert seen.step_seconds == pytest.approx(0.03)


def test_a_run_lasts_from_its_start_on_not_from_its_first_batch(view):
    started, *_ = replay.records(1, start=time.time() - 90)
    assert view(started).elapsed == pytest.approx(90, abs=60)
    assert view().elapsed == 0  # nothing is known yet


def test_every_row_is_found_by_its_number_forwards_and_backwards_and_at_random(view):
    records = list(replay.records(3 * BLOCK + 100, epochs=10, start=0.0))
    seen = view(*records)
    expected = []
    for record in records:
        if isinstance(record, BatchRecord | Notice):
            expected.append((record, 0))
        elif isinstance(record, EpochSummary):
            expected += [(record, part) for part in range(10 + 1 + 1)]
    assert seen.rows.count == len(expected)
    order = list(range(len(expected)))
    for numbers in (order, order[::-1], random.Random(0).sample(order, len(order))):
        for number in numbers:
            row = seen.rows[number]
            assert (row.record, row.part) == expected[number]
            assert row.context.epochs == 10
    with pytest.raises(IndexError):
        seen.rows[len(expected)]


def test_rows_that_come_later_are_found_too(tmp_path):
    records = list(replay.records(1000, epochs=10, start=0.0))
    path = tmp_path / "journal"
    path.touch()
    seen = RunView(path)
    with path.open("ab", buffering=0) as journal:
        for record in records:
            journal.write(encode_record(record))
            seen.pull(0.01)
            if seen.rows.count:
                last = seen.rows[seen.rows.count - 1].record
                if isinstance(record, BatchRecord | Notice | EpochSummary):
                    assert last == record


def test_the_interval_rules_which_batches_have_a_row(view):
    records = list(replay.records(60, epochs=10, start=0.0))
    change = Notice("interval_changed", "info", {"interval": 10}, at=0.0)
    later = [r for r in replay.records(120, epochs=10, start=0.0) if isinstance(r, BatchRecord) and r.step > 60]
    seen = view(*records, change, *later)
    assert seen.interval == 10
    assert seen.rows.count == 60 + 1 + 6


def test_a_run_that_ended_has_the_lines_of_its_end(view):
    seen = view(
        *replay.records(5, start=0.0), RunEnded("failed", "Traceback\nrank 1 died", 0, 0, math.nan, 9.0, 0.0)
    )
    assert seen.ended is not None
    assert seen.rows.count == 5 + 3
    assert math.isnan(seen.seconds_left)


def test_a_pyramid_keeps_extremes_means_and_marks_however_long_the_run_is():
    pyramid = Downsampled()
    noise = random.Random(1)
    values = [noise.random() for _ in range(10 * CAPACITY + 17)]
    values[12_345] = 99.0
    values[20_000] = math.nan
    values[30_000] = -5.0
    for i, value in enumerate(values):
        pyramid.add(value)
        if i == 12_345:
            pyramid.mark_spike()
    curve = pyramid.curve()
    assert len(curve.low) <= CAPACITY
    assert curve.stride == 16
    assert (min(curve.low), max(curve.high)) == (-5.0, 99.0)
    assert curve.marks == (20_000 // 16,)
    assert curve.spikes == (12_345 // 16,)
    first = values[: curve.stride]
    assert curve.mean[0] == pytest.approx(sum(first) / 16)
    assert curve.high[12_345 // 16] == 99.0


def test_a_bucket_without_a_finite_value_is_a_gap():
    pyramid = Downsampled()
    for value in (1.0, math.inf, 2.0):
        pyramid.add(value)
    curve = pyramid.curve()
    assert math.isnan(curve.mean[1])
    assert curve.marks == (1,)


def test_a_spike_stands_out_and_a_healthy_loss_does_not():
    noise = random.Random(2)
    watch = SpikeWatch()
    healthy = [0.08 + 0.6 * math.exp(-i / 900) + noise.gauss(0, 0.02) for i in range(20_000)]
    assert sum(map(watch.is_spike, healthy)) == 0
    assert watch.is_spike(1.0)
    assert not watch.is_spike(math.nan)


def test_a_straggler_is_the_rank_with_the_most_to_do_before_it_waits():
    watch = StragglerWatch()
    for _ in range(30):
        for rank, busy in ((0, 0.02), (1, 0.021), (2, 0.05), (3, 0.019)):
            watch.add(rank, busy, 0.06)
    assert list(watch.stragglers()) == [2]
    assert watch.stragglers()[2] == pytest.approx(0.05 / 0.02, rel=0.1)


def test_two_equal_ranks_are_no_stragglers():
    watch = StragglerWatch()
    for i in range(200):
        watch.add(0, 0.02 + 0.001 * (i % 3), 0.05)
        watch.add(1, 0.02 + 0.001 * ((i + 1) % 3), 0.05)
    assert watch.stragglers() == {}


def batches_held_by(root):
    """How many batch records can be reached from an object."""
    seen, left, count = {id(root)}, [root], 0
    while left:
        for one in gc.get_referents(left.pop()):
            if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType):
                seen.add(id(one))
                left.append(one)
                count += isinstance(one, BatchRecord)
    return count


def test_records_are_not_kept_however_many_there_are_and_are_looked_at(view):
    seen = view(*replay.records(4 * CACHED_BLOCKS * BLOCK, epochs=100, start=0.0))
    assert batches_held_by(seen) == 1  # the newest
    for number in range(seen.rows.count):
        assert seen.rows[number].record
    assert BLOCK < batches_held_by(seen) <= CACHED_BLOCKS * BLOCK + 1


def test_a_resumed_run_is_right_from_its_first_line(view):
    records = list(replay.records(400, epochs=10, start=0.0))
    again = msgspec.structs.replace(records[0], attempt=2, start=Start(2, 57, 228))
    seen = view(*records, RunEnded("failed", "", 2, 1, 0.5, 9.0, 9.0), again, EpochStarted(2, 171, 20))
    assert (seen.started.attempt, seen.ended, seen.batch, seen.epoch) == (2, None, None, 2)
    assert seen.epoch_part == pytest.approx(57 / 171)
    assert seen.run_part == pytest.approx((1 + 57 / 171) / 10)
    assert seen.seconds_left == pytest.approx((1 - 57 / 171 + 8) * 5.6)
    assert [epoch.epoch for epoch in seen.epochs] == [1]
    assert seen.best.epoch == 1


def test_a_failed_attempt_that_another_one_follows_is_no_end(view):
    records = list(replay.records(10, start=0.0))
    ended = RunEnded("restarting", "rank 1 …", 0, 0, math.nan, 9.0, 9.0)
    seen = view(*records, ended)
    assert (seen.restarting, seen.ended) == (True, None)
    seen = view(*records, ended, msgspec.structs.replace(records[0], attempt=2))
    assert (seen.restarting, seen.epoch, seen.run_part) == (False, 0, 0.0)


# ---- the clock --------------------------------------------------------------------------------------------


STARTED = RunStarted("x", 1, "t", 2, 1, "cpu", "gloo", 1, (), 1000.0)


def lasting(view, seconds, *, tolerance=0.5):
    return abs(view.elapsed - seconds) < tolerance


def test_time_passes_from_the_start_of_the_run_while_the_first_batch_is_still_to_come(tmp_path):
    journal = tmp_path / "journal"
    started = msgspec.structs.replace(STARTED, at=time.time() - 12)
    journal.write_bytes(encode_record(started) + encode_record(Notice("ranks_ready", "info", {"count": 1})))
    view = RunView(journal)
    while view.pull(1.0):
        pass
    assert lasting(view, 12.0)
    before = view.elapsed
    until(lambda: view.elapsed > before + 0.2, 5)
    view.close()


@pytest.mark.parametrize("newest", ["notice", "batch"])
def test_a_watcher_that_comes_later_knows_how_long_nothing_has_come(tmp_path, newest):
    """In a first batch, or a validation, of minutes."""
    journal = tmp_path / "journal"
    started = msgspec.structs.replace(STARTED, at=time.time() - 312)
    record = Notice("ranks_ready", "info", {"count": 1})
    if newest == "batch":
        record = BatchRecord(1, 0, 1, 0.5, 0.1, 0.5, 0.5, 0.1, 0.0, 8, 12.0, 1)
    rank = RankState(0, 1, 0.5, 0.1, 0.0, 0.1, 5.0)
    journal.write_bytes(b"".join(map(encode_record, (started, record, rank))))
    os.utime(journal, (time.time() - 300, time.time() - 300))
    view = RunView(journal)
    while view.pull(1.0):
        pass
    assert lasting(view, 312.0, tolerance=2.0)
    assert abs(view.silent_seconds(0) - 300) < 2
    with journal.open("ab") as file:
        file.write(
            encode_record(BatchRecord(1, 1, 2, 0.5, 0.1, 0.5, 0.5, 0.1, 0.0, 8, 313.0, 1)) + encode_record(rank)
        )
    view.pull(1.0)
    assert lasting(view, 313.0)
    assert view.silent_seconds(0) < 1
    view.close()


def test_a_clock_that_is_set_does_not_change_how_long_a_run_has_lasted(tmp_path, monkeypatch):
    journal = tmp_path / "journal"
    rank = RankState(0, 1, 0.5, 0.1, 0.0, 0.1, time.time())
    batch = BatchRecord(1, 0, 1, 0.5, 0.1, 0.5, 0.5, 0.1, 0.0, 8, 12.0, 1)
    journal.write_bytes(b"".join(map(encode_record, (STARTED, batch, rank))))
    view = RunView(journal)
    while view.pull(1.0):
        pass
    for step in (86_400, -86_400):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda at=now + step: at)
        with journal.open("ab") as file:
            file.write(encode_record(rank))
        view.pull(1.0)
        assert lasting(view, 12.0, tolerance=2.0)
        assert view.silent_seconds(0) < 2
    view.close()


def test_no_time_passes_for_a_run_that_is_lost(tmp_path):
    journal = tmp_path / "journal"
    batch = BatchRecord(1, 0, 1, 0.5, 0.1, 0.5, 0.5, 0.1, 0.0, 8, 12.0, 1)
    journal.write_bytes(b"".join(map(encode_record, (STARTED, EpochStarted(1, 9, 0), batch))))
    os.utime(journal, (1000, 1000))
    view = RunView(journal)
    view.pull(1.0)
    assert view.elapsed > 1000
    view.lost = True
    assert view.elapsed == 12.0
    assert math.isnan(view.seconds_left)
    view.close()


@pytest.mark.parametrize(("epochs", "part"), [(10, 0.0), (0, math.nan)])
def test_before_the_first_batch_the_part_of_a_run_of_unknown_length_is_unknown(view, epochs, part):
    started = msgspec.structs.replace(next(iter(replay.records(1))), epochs=epochs)
    assert view(started).run_part == pytest.approx(part, nan_ok=True)
