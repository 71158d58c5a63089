import signal

import pytest
from everybatch.metrics.events import RankFailed
from everybatch.run.failure import find_failure
from everybatch.run.launcher import RankExit

LOST = "[…/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:36240"
RANKS = {100: 0, 101: 1}


def exit_(pid, code, at, *, ours=False):
    return RankExit(pid, code, at, ours)


def failed(rank, message, at, error="RuntimeError"):
    return RankFailed(rank, error, message, f"Traceback of rank {rank}", at)


def test_no_failure_when_all_finished():
    assert find_failure([exit_(100, 0, 1.0), exit_(101, 0, 1.0)], RANKS, {}, {0, 1}, 2, "") is None


def test_the_rank_that_raised_is_named_not_the_one_that_died_before_it_by_losing_its_peer():
    errors = {0: failed(0, LOST, 1.1), 1: failed(1, "boom", 1.0, "ValueError")}
    failure = find_failure([exit_(100, 1, 1.2), exit_(101, 1, 1.5)], RANKS, errors, set(), 2, "")
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
    failure = find_failure([exit_(100, 1, 1.2), exit_(101, -number, 1.0)], RANKS, errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.victims, failure.hint) == (1, (0,), hint)
    assert failure.cause.fields == {"rank": 1, "signal": signal.Signals(number).name}


def test_a_rank_that_left_early_with_code_0_is_a_failure():
    errors = {0: failed(0, LOST, 1.1)}
    failure = find_failure([exit_(101, 0, 1.0), exit_(100, 1, 1.2)], RANKS, errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.cause.kind) == (1, "failed_early")


def test_ranks_that_we_ended_are_not_blamed():
    exits = [exit_(101, -9, 1.0), exit_(100, -9, 3.0, ours=True)]
    failure = find_failure(exits, RANKS, {}, set(), 2, "")
    assert failure is not None
    assert failure.culprit == 1


def test_a_rank_that_died_before_its_first_word_is_the_missing_one():
    errors = {0: failed(0, LOST, 1.1)}
    failure = find_failure([exit_(101, -11, 1.0), exit_(100, 1, 1.2)], {100: 0}, errors, set(), 2, "")
    assert failure is not None
    assert failure.culprit == 1


def test_the_earliest_of_several_real_errors_is_the_cause():
    errors = {0: failed(0, "second", 2.0, "KeyError"), 1: failed(1, "first", 1.0, "ValueError")}
    failure = find_failure([exit_(100, 1, 2.5), exit_(101, 1, 2.6)], RANKS, errors, set(), 2, "")
    assert failure is not None
    assert (failure.culprit, failure.victims) == (1, ())


def test_ranks_that_never_started():
    failure = find_failure([], {}, {}, set(), 2, "OSError: no port")
    assert failure is not None
    assert failure.cause.fields == {"message": "OSError: no port"}
