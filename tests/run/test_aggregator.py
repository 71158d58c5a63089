import time

import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.events import (
    BatchEvent,
    EpochBegan,
    EpochEnded,
    Finished,
    Hello,
    Introduced,
    Planned,
    RankFailed,
    Saved,
)
from everybatch.metrics.files.journal import JournalReader
from everybatch.metrics.records import UNKNOWN, BatchRecord, EpochSummary, Notice, RunStarted, RunTold
from everybatch.metrics.run_view import RunView
from everybatch.run.aggregator import Aggregator
from everybatch.run.attempt_info import AttemptInfo
from everybatch.run.run_folder import RunFolder

EPOCHS, BATCHES = 5, 4


@pytest.fixture
def aggregated(tmp_path):
    """An aggregator of one rank, and the view of a watcher on its journal."""
    run = RunFolder.create(tmp_path, time.localtime())
    started = RunStarted(run.run_id, 1, "test", EPOCHS, 1, "cpu", "gloo", 1, (), time.time())
    aggregator = Aggregator(AttemptInfo(run, started, False), Catalogue("en"), None)
    view = RunView(run.journal)
    yield aggregator, view
    view.close()
    aggregator.end("stopped", "")
    aggregator.sinks.close()


def events_of(epoch, seconds, save_seconds):
    """What one rank tells of an epoch and of the checkpoint behind it."""
    yield EpochBegan(0, epoch, BATCHES, 0)
    for batch in range(BATCHES):
        step = (epoch - 1) * BATCHES + batch + 1
        yield BatchEvent(0, epoch, batch, step, 0.5, 0.1, 4, seconds / BATCHES, 0.0, 0.0, float(step))
    yield EpochEnded(0, epoch, "completed", seconds, seconds)
    yield Saved(0, "last", save_seconds)


def test_log_file_and_screen_tell_the_same_time_left(aggregated):
    aggregator, view = aggregated
    for epoch, expected in ((1, 4 * 10.0), (2, 3 * (10.0 + 2.0)), (3, 2 * (10.0 + 2.0))):
        for event in events_of(epoch, seconds=10.0, save_seconds=2.0):
            aggregator.handle(event)
        aggregator.sinks.flush()
        view.pull(1.0)
        assert 3600 * view.epochs[-1].eta_hours == pytest.approx(expected)
        assert view.seconds_left == pytest.approx(expected)


# ---- ranks that are not ours ------------------------------------------------------------------------------


def of_rank(rank, epochs):
    """What a rank of somebody else's training tells of so many epochs, in pieces of an epoch."""
    for epoch in range(1, epochs + 1):
        yield [
            EpochBegan(rank, epoch, BATCHES, 0),
            *(
                BatchEvent(rank, epoch, batch, (epoch - 1) * BATCHES + batch + 1, rank, 0.1, 4, 0.1, 0.0, 0.0, 1.0)
                for batch in range(BATCHES)
            ),
            EpochEnded(rank, epoch, "completed", 1.0, 1.0),
        ]


@pytest.fixture
def told(tmp_path):
    """Has an aggregator of somebody else's ranks take events in order; what its journal then has, by kind."""
    run = RunFolder.create(tmp_path, time.localtime())
    started = RunStarted(run.run_id, 1, "theirs", UNKNOWN, UNKNOWN, "", "", 1, (), time.time())
    aggregator = Aggregator(AttemptInfo(run, started, False), Catalogue("en"), None)

    def take(events):
        for event in events:
            aggregator.settle_ranks() if event is SETTLE else aggregator.handle(event)
        aggregator.end("finished", "")
        aggregator.sinks.close()
        reader, records = JournalReader(run.journal), {}
        for record in [*reader.read(), *reader.read_rest()]:
            records.setdefault(type(record), []).append(record)
        reader.close()
        return records

    return take


SETTLE = object()


def hellos(*ranks, pid=100):
    return [event for rank in ranks for event in (Hello(rank, pid + rank), Introduced(rank, 2, "cpu"))]


@pytest.mark.parametrize("late_from", range(6))
@pytest.mark.parametrize("hello_late", [False, True])
def test_a_rank_that_reports_after_the_others_were_settled_on_makes_no_batches_of_its_own(
    told, late_from, hello_late
):
    """Rank 1 begins when rank 0 is `late_from` epochs further than where the ranks were settled on."""
    first, second = list(of_rank(0, 8)), list(of_rank(1, 8))
    events = [*hellos(*([0] if hello_late else [0, 1])), *first[0], SETTLE]
    for pieces in first[1 : late_from + 1]:
        events += pieces
    events += hellos(1) if hello_late else []
    for pieces in second[: late_from + 1]:
        events += pieces
    for ours, theirs in zip(first[late_from + 1 :], second[late_from + 1 :], strict=True):
        events += [event for pair in zip(ours, theirs, strict=True) for event in pair]
    records = told(events)
    together = [0.0] * BATCHES * (late_from + 1) + [0.5] * BATCHES * (7 - late_from)
    assert [batch.loss for batch in records[BatchRecord]] == together
    assert [batch.step for batch in records[BatchRecord]] == list(range(1, 8 * BATCHES + 1))
    assert [epoch.epoch for epoch in records[EpochSummary]] == list(range(1, 9))
    assert {epoch.status for epoch in records[EpochSummary]} == {"completed"}
    assert [notice.kind for notice in records[Notice]] == ["ranks_settled", "rank_late"]


def test_a_late_rank_counts_from_the_middle_of_an_epoch(told):
    ours, theirs = next(iter(of_rank(0, 1))), next(iter(of_rank(1, 1)))
    records = told(
        [*hellos(0, 1), *ours[:2], SETTLE, *theirs[:2], ours[2], theirs[2], ours[3], *ours[4:], *theirs[3:]]
    )
    assert [batch.loss for batch in records[BatchRecord]] == [0.0, 0.5, 0.5, 0.5]
    assert [epoch.status for epoch in records[EpochSummary]] == ["completed"]


def test_a_rank_that_came_and_has_no_batches_is_not_waited_for_again(told):
    ours = next(iter(of_rank(0, 1)))
    records = told([*hellos(0, 1), *ours[:2], SETTLE, Introduced(0, 2, "cpu"), *hellos(1), *ours[2:]])
    assert len(records[BatchRecord]) == BATCHES
    assert records[EpochSummary][0].world_size == 1


def test_ranks_that_a_launcher_starts_anew_go_on_behind_what_was_told(told):
    first, second = list(of_rank(0, 2)), list(of_rank(1, 2))
    before = [*first[0], *second[0], *first[1][:3], *second[1][:2]]  # one batch of rank 0 is not that of rank 1
    again = [*hellos(0, pid=200), *first[0][:2], *hellos(1, pid=200), *first[0][2:], *second[0]]
    records = told(
        [*hellos(0, 1), *before, RankFailed(1, "ValueError", "once", "", 1.0), *again, *first[1], *second[1]]
    )
    places = [(batch.epoch, batch.batch, batch.step, batch.loss) for batch in records[BatchRecord]]
    assert places == [
        (epoch, batch, step, 0.5)
        for step, (epoch, batch) in enumerate(
            [
                (1, 0),
                (1, 1),
                (1, 2),
                (1, 3),
                (2, 0),
                (3, 0),
                (3, 1),
                (3, 2),
                (3, 3),
                (4, 0),
                (4, 1),
                (4, 2),
                (4, 3),
            ],
            start=1,
        )
    ]
    statuses = [(epoch.epoch, epoch.status) for epoch in records[EpochSummary]]
    assert statuses == [(1, "completed"), (2, "failed"), (3, "completed"), (4, "completed")]
    assert [notice.kind for notice in records[Notice]] == ["failed_raised", "ranks_again", "incomplete"]


def test_one_training_after_another_is_counted_further(told):
    one, other = [list(of_rank(0, epochs)) for epochs in (2, 1)]
    alone = [Hello(0, 100), Introduced(0, 1, "cpu"), Planned(0, 2, -1)]
    last = [Finished(0, "finished"), Hello(0, 101), Introduced(0, 1, "cpu"), Planned(0, 1, -1)]
    records = told([*alone, *one[0], *one[1][:-1], *last, *other[0]])
    assert [batch.step for batch in records[BatchRecord]] == list(range(1, 3 * BATCHES + 1))
    assert [epoch.status for epoch in records[EpochSummary]] == ["completed"] * 3
    assert records[RunTold][-1].epochs == 3


def test_what_a_rank_that_is_gone_told_late_is_of_no_batch(told):
    first, second = next(of_rank(0, 1)), next(of_rank(1, 1))
    again = [*hellos(0, pid=200), *second, *first, *hellos(1, pid=200), *second]
    records = told([*hellos(0, 1), *first, *again])
    assert [batch.step for batch in records[BatchRecord]] == [1, 2, 3, 4]
    assert [epoch.status for epoch in records[EpochSummary]] == ["completed"]
