from everybatch.metrics.events import BatchEvent, EpochEnded, Validated
from everybatch.metrics.files.journal import encode_record
from everybatch.metrics.history import read_history
from everybatch.metrics.records import BatchRecord, EpochStarted, EpochSummary, RunStarted, Start

BATCHES = 4


def run(attempt=1, start=Start()):  # noqa: B008 - frozen
    return RunStarted("r", attempt, "phantoms", 5, 2, "cpu", "gloo", 1, (), 1.0, start)


def batch(step, attempt=1):
    epoch, place = divmod(step - 1, BATCHES)
    return BatchRecord(epoch + 1, place, step, step / 8, 0.1, 0.0, 1.0, 0.5, 0.1, 8, step / 2, attempt)


def summary(epoch, status="completed"):
    return EpochSummary(
        epoch, 0.5, 0.4, 0.6, 0.1, 2.0, 1.0, None, 32, 16.0, 0.4, 0, 2, 1, status, 2.0, (), 0.0, BATCHES
    )


def events(step):
    record = batch(step)
    return [
        BatchEvent(rank, record.epoch, record.batch, step, step / 8, 0.1, 4, 0.5, 0.1, 0.2, 1.0) for rank in (0, 1)
    ]


def epoch_end(epoch):
    return [EpochEnded(rank, epoch, "completed", 2.0, 3.0) for rank in (0, 1)]


def history(tmp_path, records, start, last=(), wanted=lambda record: False):
    path = tmp_path / "journal"
    path.write_bytes(b"".join(map(encode_record, records)))
    return read_history(path, start, last, 2, wanted)


def test_what_lies_before_the_resume_point(tmp_path):
    records = [run(), EpochStarted(1, 4, 0), *map(batch, range(1, 5)), summary(1), *map(batch, range(5, 8))]
    past = history(tmp_path, records, Start(2, 2, 6), wanted=lambda record: record.step > 3)
    assert [one.epoch for one in past.summaries] == [1]
    assert [one.step for one in past.open] == [5, 6]
    assert [one.step for one in past.wanted] == [4, 5, 6]
    assert (past.journal_step, past.unknown, past.ended, past.batches) == (6, 0, [], {1: 4})


def test_what_a_later_attempt_did_again_counts_once(tmp_path):
    records = [
        run(), *map(batch, range(1, 5)), summary(1), *map(batch, range(5, 8)), summary(2, "failed"),
        run(2, Start(1, 2, 2)), batch(3, 2), batch(4, 2), summary(1), batch(5, 2), batch(6, 2),
    ]  # fmt: skip
    past = history(tmp_path, records, Start(2, 2, 6), wanted=lambda record: True)
    assert [(one.step, one.attempt) for one in past.wanted] == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2), (6, 2)]
    assert [(one.step, one.attempt) for one in past.open] == [(5, 2), (6, 2)]
    assert [one.epoch for one in past.summaries] == [1]


def test_what_the_run_process_could_not_write_comes_from_the_checkpoint(tmp_path):
    records = [run(), EpochStarted(1, 4, 0), *map(batch, range(1, 4))]
    last = [event for step in range(2, 7) for event in events(step)]
    last += [*epoch_end(1), Validated(0, 1, 0.25, (), 1.0)]
    past = history(tmp_path, records, Start(2, 2, 6), last)
    assert past.journal_step == 3
    assert [(one.step, one.loss, one.elapsed_seconds) for one in past.wanted] == [
        (4, 0.5, 2.0),
        (5, 0.625, 2.5),
        (6, 0.75, 3.0),
    ]
    assert [one.step for one in past.open] == [5, 6]
    (tally,) = past.ended
    told = tally.summary(0.0, 0.0)
    assert (told.epoch, told.status, told.batches, told.val_loss, told.epoch_seconds) == (
        1,
        "completed",
        4,
        0.25,
        3.0,
    )
    assert past.unknown == 0


def test_batches_that_left_no_trace_are_counted(tmp_path):
    last = [*events(6), *events(7)[:1]]  # of 7 only one rank told
    past = history(tmp_path, [run(), batch(1), batch(2)], Start(2, 4, 8), last)
    assert [one.step for one in past.wanted] == [6]
    assert past.unknown == 5  # 3, 4, 5, 7 and 8


def test_without_a_journal_there_is_no_past(tmp_path):
    past = read_history(tmp_path / "journal", Start(3, 0, 8), [], 2, lambda record: True)
    assert (past.summaries, past.open, past.unknown) == ([], [], 8)
    assert (past.journal_end, past.journal_step) == (0, 0)
