import signal

import pytest
from everybatch.metrics.events import RankFailed
from everybatch.run.failure import find_failure
from everybatch.run.rank_exit import RankExit

LOST = "[…/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:36240"
WAITED = "waited more than 3 s for the other ranks"


def exit_(pid, code, at, *, ours=False):
    return RankExit(pid - 100, pid, code, at, ours)


def failed(rank, message, at, error="RuntimeError"):
    victim = "lost" if message == LOST else "waited" if message == WAITED else ""
    return RankFailed(rank, error, message, f"Traceback of rank {rank}", at, victim=victim)


def test_no_failure_when_all_finished():
    assert find_failure([exit_(100, 0, 1.0), exit_(101, 0, 1.0)], {}, {0, 1}, 2, "") is None


def test_the_rank_that_raised_is_named_not_the_one_that_died_before_it_by_losing_its_peer():
    errors = {0: failed(0, LOST, 1.1), 1: failed(1, "boom", 1.0, "ValueError")}
    failure = find_failure([exit_(100, 1, 1.2), exit_(101, 1, 1.5)], errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.victims) == (1, (0,))
    assert failure.cause.kind == "failed_raised"
    assert failure.cause.fields == {"rank": 1, "error": "ValueError", "message": "boom"}
    assert failure.traceback == "Traceback of rank 1"


@pytest.mark.parametrize(
    ("number", "hint"), [(9, "hint_SIGKILL"), (6, "hint_SIGABRT"), (11, "hint_SIGSEGV"), (15, "")]
)
def test_a_signal_is_named_with_a_hint(number, hint):
    errors = {0: failed(0, LOST, 1.1)}
    failure = find_failure([exit_(100, 1, 1.2), exit_(101, -number, 1.0)], errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.victims, failure.hint) == (1, (0,), hint)
    assert failure.cause.fields == {"rank": 1, "signal": signal.Signals(number).name}


def test_a_rank_that_left_early_with_code_0_is_a_failure():
    errors = {0: failed(0, LOST, 1.1)}
    failure = find_failure([exit_(101, 0, 1.0), exit_(100, 1, 1.2)], errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.cause.kind) == (1, "failed_early")


def test_ranks_that_we_ended_are_not_blamed():
    exits = [exit_(101, -9, 1.0), exit_(100, -9, 3.0, ours=True)]
    failure = find_failure(exits, {}, set(), 2, "")
    assert failure is not None
    assert failure.culprit == 1


def test_a_rank_that_died_before_its_first_word_is_the_missing_one():
    errors = {0: failed(0, LOST, 1.1)}
    failure = find_failure([exit_(101, -11, 1.0), exit_(100, 1, 1.2)], errors, set(), 2, "")
    assert failure is not None
    assert failure.culprit == 1


def test_the_earliest_of_several_real_errors_is_the_cause():
    errors = {0: failed(0, "second", 2.0, "KeyError"), 1: failed(1, "first", 1.0, "ValueError")}
    failure = find_failure([exit_(100, 1, 2.5), exit_(101, 1, 2.6)], errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.victims) == (1, ())


def test_ranks_that_never_started():
    failure = find_failure([], {}, set(), 2, "OSError: no port")
    assert failure is not None
    assert failure.cause.fields == {"message": "OSError: no port"}


def test_a_rank_that_had_sent_its_error_is_the_culprit_though_it_was_ended_by_us():
    errors = {0: failed(0, WAITED, 4.0), 1: failed(1, "boom", 1.0, "ValueError")}
    exits = [exit_(100, 1, 4.1), exit_(101, -9, 6.0, ours=True)]
    failure = find_failure(exits, errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.victims) == (1, (0,))
    assert failure.cause.fields["message"] == "boom"


def test_a_rank_that_only_waited_blames_those_that_did_not_come():
    exits = [exit_(100, 1, 4.1), exit_(101, -9, 6.0, ours=True), exit_(102, 1, 4.2)]
    errors = {0: failed(0, WAITED, 4.0), 2: failed(2, LOST, 4.15)}
    failure = find_failure(exits, errors, set(), 3, "")
    assert failure is not None
    assert (failure.cause.kind, failure.cause.fields["ranks"]) == ("failed_hang", "1")
    assert (failure.culprit, failure.victims) == (1, (0, 2))


def test_ranks_that_all_wait_blame_nobody():
    errors = {0: failed(0, WAITED, 4.0), 1: failed(1, WAITED, 4.1)}
    failure = find_failure([exit_(100, 1, 4.1), exit_(101, 1, 4.2)], errors, set(), 2, "")
    assert failure is not None
    assert (failure.cause.kind, failure.victims) == ("failed_deadlock", ())


def test_a_run_whose_ranks_have_all_finished_is_finished_however_they_ended():
    exits = [exit_(100, -9, 4.1, ours=True), exit_(101, -11, 4.2)]
    assert find_failure(exits, {}, {0, 1}, 2, "") is None


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (
            "Expected more than 1 value per channel when training, got input size torch.Size([1, 4])",
            "hint_batchnorm",
        ),
        ("stack expects each tensor to be equal size, but got [3] at entry 0 and [5] at entry 1", "hint_collate"),
        ("Expected to have finished reduction in the prior iteration before starting a new one.", "hint_unused"),
    ],
)
def test_what_only_a_later_batch_shows_comes_with_what_to_change(message, hint):
    failure = find_failure([exit_(101, 1, 1.0)], {1: failed(1, message, 1.0)}, {0}, 2, "")
    assert failure is not None
    assert failure.hint == hint


@pytest.mark.parametrize(
    ("error", "where", "hint"),
    [
        ("ConnectionResetError", 'File ".../torch/utils/data/dataloader.py", line 1, in _get_data', "hint_loader"),
        ("ConnectionResetError", 'File "/home/me/download.py", line 1, in get', ""),
    ],
)
def test_a_loader_worker_that_is_killed_while_it_sends_has_the_hint(error, where, hint):
    raised = RankFailed(0, error, "[Errno 104] Connection reset by peer", where, 1.0)
    failure = find_failure([exit_(100, 1, 1.2)], {0: raised}, set(), 1, "")
    assert failure is not None
    assert failure.hint == hint
