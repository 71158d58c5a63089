import math

import pytest
from everybatch.metrics.events import BatchEvent, EpochEnded, Validated
from everybatch.metrics.merge import BatchMerger, EpochTotals, merge_batch


def event(rank, step, loss, samples=4, wait=0.0, seconds=0.1):
    return BatchEvent(rank, 1, step - 1, step, loss, 0.001, samples, seconds, wait, seconds, 100.0 + step)


def test_a_record_is_the_mean_weighted_by_samples_with_the_extremes_of_the_ranks():
    tally = BatchMerger(2, attempt=3, started=100.0)
    assert tally.add(event(0, 1, 1.0, samples=4, seconds=0.2, wait=0.01)) is None
    record = tally.add(event(1, 1, 4.0, samples=2, seconds=0.3, wait=0.05))
    assert record is not None
    assert record.loss == pytest.approx(2.0)
    assert (record.min_rank_loss, record.max_rank_loss) == (1.0, 4.0)
    assert (record.step_seconds, record.data_wait_seconds) == (0.3, 0.05)
    assert (record.samples, record.attempt, record.elapsed_seconds) == (6, 3, 1.0)


def test_records_come_in_step_order_however_far_one_rank_is_ahead():
    tally = BatchMerger(2, attempt=1, started=0.0)
    assert [tally.add(event(0, step, 1.0)) for step in (1, 2, 3)] == [None] * 3
    records = [tally.add(event(1, step, 3.0)) for step in (1, 2, 3)]
    assert [record.step for record in records] == [1, 2, 3]
    assert tally.merged_step == 3
    assert tally.incomplete == 0


def test_a_step_that_one_rank_dropped_is_counted_and_does_not_hold_up_the_rest():
    tally = BatchMerger(2, attempt=1, started=0.0)
    for step in (1, 2, 3):
        tally.add(event(0, step, 1.0))
    tally.add(event(1, 1, 1.0))
    record = tally.add(event(1, 3, 1.0))  # rank 1 dropped step 2
    assert record.step == 3
    assert tally.incomplete == 1
    tally.close()
    assert tally.incomplete == 1


def test_what_not_all_ranks_reported_at_the_end_is_incomplete():
    tally = BatchMerger(2, attempt=1, started=0.0)
    tally.add(event(0, 1, 1.0))
    tally.add(event(0, 2, 1.0))
    tally.close()
    assert tally.incomplete == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_nan_of_one_rank_is_never_masked(order):
    tally = BatchMerger(2, attempt=1, started=0.0)
    losses = (math.nan, 0.5)
    for rank in order:
        record = tally.add(event(rank, 1, losses[rank]))
    assert all(math.isnan(value) for value in (record.loss, record.min_rank_loss, record.max_rank_loss))


def summary_of(losses, *, samples=(4, 4, 2), ended=("completed", "completed"), validated=None):
    batches = BatchMerger(2, attempt=1, started=0.0)
    epoch = EpochTotals(1, batches=3, attempt=1, world_size=2)
    for step, (loss, count) in enumerate(zip(losses, samples, strict=True), 1):
        for rank in range(2):
            record = batches.add(event(rank, step, loss, samples=count, wait=0.02))
        epoch.add(record)
    if validated:
        epoch.validated(validated.loss, validated.metrics, validated.seconds)
    for rank, status in enumerate(ended):
        epoch.rank_ended(EpochEnded(rank, 1, status, 2.0 + rank, 3.0 + rank))
    return epoch.summary(eta_hours=0.5, finished_at=0.0)


def test_the_epoch_average_counts_samples_not_batches():
    summary = summary_of([1.0, 2.0, 6.0])
    assert summary.avg_loss == pytest.approx((4 * 1 + 4 * 2 + 2 * 6) / 10)
    assert (summary.min_batch_loss, summary.max_batch_loss) == (1.0, 6.0)
    assert (summary.samples, summary.batches, summary.status) == (20, 3, "completed")
    assert summary.epoch_seconds == 4.0
    assert summary.samples_per_second == pytest.approx(20 / 3.0)
    assert summary.data_wait_seconds == pytest.approx(0.06)


def test_a_batch_that_is_not_finite_shows_in_the_average_and_leaves_the_extremes():
    summary = summary_of([1.0, math.inf, 3.0])
    assert summary.avg_loss == math.inf
    assert (summary.min_batch_loss, summary.max_batch_loss, summary.nonfinite_batches) == (1.0, 3.0, 1)


def test_an_epoch_without_a_finite_batch_has_no_extremes():
    summary = summary_of([math.nan] * 3)
    assert math.isnan(summary.min_batch_loss)
    assert math.isnan(summary.max_batch_loss)
    assert summary.nonfinite_batches == 3


def test_the_score_is_the_validation_loss_if_there_is_one():
    assert summary_of([1.0, 1.0, 1.0]).loss == 1.0
    validated = summary_of([1.0, 1.0, 1.0], validated=Validated(0, 1, 0.25, (0.9,), 1.5))
    assert (validated.loss, validated.val_metrics, validated.val_seconds) == (0.25, (0.9,), 1.5)


def test_a_rank_that_never_came_to_the_end_makes_the_epoch_failed():
    assert summary_of([1.0, 1.0, 1.0], ended=("completed",)).status == "failed"
    assert summary_of([1.0, 1.0, 1.0], ended=("stopped", "stopped")).status == "stopped"


def test_the_order_in_which_ranks_arrive_does_not_change_a_bit():
    losses = (0.1, 1e16, -1e16)
    events = [BatchEvent(rank, 1, 0, 1, loss, 0.1, 1, 0.1, 0.0, 0.05, 1.0) for rank, loss in enumerate(losses)]
    assert merge_batch(events, 0.0, 1).loss == merge_batch(events[::-1], 0.0, 1).loss


@pytest.mark.parametrize(
    ("waits", "batch", "epoch"),
    [((math.nan, math.nan), math.nan, math.nan), ((math.nan, 0.5), 0.5, 1.0), ((0.5, math.nan), 0.5, 1.0)],
)
def test_how_long_a_batch_waited_is_known_from_the_ranks_that_know_it(waits, batch, epoch):
    events = [event(rank, 1, 1.0, wait=wait) for rank, wait in enumerate(waits)]
    record = merge_batch(events, 100.0, 1)
    assert record.data_wait_seconds == pytest.approx(batch, nan_ok=True)
    totals = EpochTotals(1, 2, 1, 2)
    for _ in range(2):
        totals.add(record)
    waited = totals.summary(eta_hours=0.0, finished_at=0.0).data_wait_seconds
    assert waited == pytest.approx(epoch, nan_ok=True)
