"""The named values of a batch: merged over the ranks, summed up over an epoch, kept for a watcher."""

import math

import pytest
from everybatch.metrics.events import BatchEvent, BatchValues
from everybatch.metrics.merge import BatchMerger, EpochTotals
from everybatch.metrics.value_curves import ValueCurves
from everybatch.metrics.values import MOST_NAMES, ValueNames, ValueTotals, merge_values


def event(rank, samples=4, step=1):
    return BatchEvent(rank, 1, step - 1, step, 1.0, 0.1, samples, 0.1, 0.0, 0.1, float(step))


def merged(told, samples, names=None):
    """`told` is (values, how) of each rank, None for a rank that tells none."""
    names = names or ValueNames()
    values = [BatchValues(rank, 1, *one) for rank, one in enumerate(told) if one is not None]
    events = [event(rank, count) for rank, count in enumerate(samples)]
    return dict(zip(names.names, merge_values(values, events, names), strict=False))


def test_a_value_is_merged_as_the_loss_is_or_as_it_is_told():
    how = {"seen": "sum", "lr_scale": "last"}
    told = [({"dice": 0.5, "seen": 4.0, "lr_scale": 2.0}, how), ({"dice": 0.8, "seen": 2.0, "lr_scale": 3.0}, how)]
    assert merged(told, (4, 2)) == {"dice": pytest.approx((4 * 0.5 + 2 * 0.8) / 6), "seen": 6.0, "lr_scale": 2.0}


def test_a_rank_that_lacks_a_value_counts_for_nothing_in_it():
    assert merged([({"dice": 0.5}, {}), ({"iou": 0.2}, {}), None], (4, 2, 9)) == {"dice": 0.5, "iou": 0.2}


def test_ranks_that_do_not_know_their_samples_weigh_the_same():
    for samples in ((0, 0), (9, 0)):
        assert merged([({"dice": 0.5}, {}), ({"dice": 0.7}, {})], samples) == {"dice": pytest.approx(0.6)}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_nan_of_one_rank_is_never_masked(order):
    names = ValueNames()
    told = [BatchValues(rank, 1, {"dice": (math.nan, 0.5)[rank]}, {}) for rank in order]
    (value,) = merge_values(told, [event(0), event(1)], names)
    assert math.isnan(value)


def test_values_that_come_and_go_keep_their_places():
    names = ValueNames()
    rows = [
        merge_values([BatchValues(0, 1, told, {})], [event(0)], names)
        for told in ({"a": 1.0}, {"b": 2.0}, {"c": 3.0, "a": 1.5}, {})
    ]
    assert names.names == ["a", "b", "c"]
    assert rows == [(1.0,), (None, 2.0), (1.5, None, 3.0), ()]


def test_a_counter_in_a_name_does_not_make_a_million_columns():
    names = ValueNames()
    for number in range(MOST_NAMES + 1000):
        merge_values([BatchValues(0, 1, {f"grad_{number}": 1.0}, {})], [event(0)], names)
    assert len(names.names) == MOST_NAMES
    assert names.refused == f"grad_{MOST_NAMES}"


def test_after_a_resume_the_first_to_tell_says_how_a_value_is_merged():
    names = ValueNames(["seen", "dice"])
    assert (
        merged([({"seen": 1.0}, {"seen": "sum"}), ({"seen": 2.0}, {"seen": "sum"})], (4, 4), names)["seen"] == 3.0
    )
    assert names.how == ["sum", "mean"]


def test_an_epoch_sums_values_up_over_the_batches_that_have_them():
    totals = ValueTotals(["mean", "sum", "last"])
    totals.add((0.5, 1.0, 7.0), 4)
    totals.add((None, 2.0), 4)
    totals.add((0.8, None, 9.0), 2)
    assert totals.values() == (pytest.approx((4 * 0.5 + 2 * 0.8) / 6), 3.0, 9.0)


def test_an_epoch_of_unknown_samples_has_the_plain_mean_of_a_value():
    totals = ValueTotals(["mean"])
    totals.add((0.5,), 9)
    totals.add((0.8,), 0)
    assert totals.values() == (pytest.approx(0.65),)


def test_a_record_has_the_values_of_its_own_step_however_the_ranks_interleave():
    merger = BatchMerger(world_size=2, attempt=1, started=0.0)
    merger.add_values(BatchValues(0, 1, {"dice": 0.1}, {}))
    merger.add(event(0, step=1))
    merger.add_values(BatchValues(0, 2, {"dice": 0.2}, {}))
    merger.add(event(0, step=2))
    merger.add_values(BatchValues(1, 1, {"dice": 0.3}, {}))
    assert merger.add(event(1, step=1)).values == (pytest.approx(0.2),)
    assert merger.add(event(1, step=2)).values == (pytest.approx(0.2),)


def test_the_summary_of_an_epoch_has_the_means_of_its_values():
    epoch = EpochTotals(1, 2, 1, 1, ["mean"])
    merger = BatchMerger(world_size=1, attempt=1, started=0.0)
    for step, dice in ((1, 0.2), (2, 0.4)):
        merger.add_values(BatchValues(0, step, {"dice": dice}, {}))
        epoch.add(merger.add(event(0, step=step)))
    assert epoch.summary(eta_hours=0.0, finished_at=0.0).values == (pytest.approx(0.3),)


# ---- what a watcher keeps ---------------------------------------------------------------------------------


def test_a_watcher_knows_newest_least_and_most_of_each():
    curves = ValueCurves()
    curves.name(["dice"], 0)
    for values in ((0.5,), (0.9,), (), (0.2,)):
        curves.add(values)
    curves.name(["dice", "iou"], 4)
    curves.add((math.nan, 0.3))
    dice, iou = curves.by_name["dice"], curves.by_name["iou"]
    assert (dice.least, dice.most, dice.nonfinite, dice.curve.count) == (0.2, 0.9, 1, 5)
    assert math.isnan(dice.newest)
    assert (iou.newest, iou.least, iou.most, iou.curve.count) == (0.3, 0.3, 0.3, 5)


def test_a_value_that_comes_late_stands_where_it_came_in_its_curve():
    curves = ValueCurves()
    curves.name(["late"], 10_000)
    for _ in range(10_000):
        curves.add((1.0,))
    curve = curves.by_name["late"].curve.curve()
    known = [place for place, mean in enumerate(curve.mean) if math.isfinite(mean)]
    assert (known[0] * curve.stride, (known[-1] + 1) * curve.stride) == (10_000, 20_000)
    assert known == list(range(known[0], known[-1] + 1))
