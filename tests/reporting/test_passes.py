"""Passes over loaders in somebody's own loop: what they wait for, and what they show of an epoch's length."""

import itertools
import math
import threading
import warnings

import pytest
from everybatch.metrics.records import UNKNOWN
from everybatch.reporting.api.passes import Pass
from everybatch.reporting.api.plan import Plan
from torch.utils.data import DataLoader, IterableDataset


def pass_over(items):
    return Pass(items, lambda _: None, lambda: False)


def plans(plan, items, used, done_before=0):
    """What is planned behind each batch: those of the items for whose place `used` is true."""
    one, planned, done = pass_over(items), [], done_before
    for index, _ in enumerate(one):
        if used(index):
            done += 1
            if len(planned) == 0:
                plan.begin(one, done_before)
            else:
                plan.batch(one, done)
            planned.append(plan.batches)
    plan.end(done)
    return planned


TWELVE = [[0.0]] * 12


@pytest.mark.parametrize(
    ("used", "done_before", "planned"),
    [
        (lambda index: True, 0, [12] * 12),
        (lambda index: index % 4 == 3, 0, [UNKNOWN, 3, 3]),
        (lambda index: index % 5 == 4 or index == 11, 0, [UNKNOWN, 3, 3]),
        (lambda index: index >= 6, 0, [UNKNOWN] * 6),
        (lambda index: index in (0, 1, 2, 5, 6), 0, [12, 12, 12, UNKNOWN, UNKNOWN]),
        (lambda index: index >= 6, 6, [12] * 6),
        (lambda index: index >= 4 and index % 2, 2, [UNKNOWN, 6, 6, 6]),
        (lambda index: index in (2, 5, 7, 8, 9), 0, [UNKNOWN, 4, UNKNOWN, UNKNOWN, UNKNOWN]),
    ],
    ids=["all", "four", "five and a rest", "first six not", "some not", "went on", "went on with two", "irregular"],
)
def test_an_epoch_is_as_long_as_items_make_batches_or_unknown(used, done_before, planned):
    assert plans(Plan(), TWELVE, used, done_before) == planned


def test_a_pass_of_the_length_of_the_one_before_has_as_many_batches():
    plan = Plan()
    assert plans(plan, TWELVE, lambda index: index >= 6) == [UNKNOWN] * 6
    assert plans(plan, TWELVE, lambda index: index >= 6) == [6] * 6
    assert plans(plan, TWELVE, lambda index: index >= 4) == [6] * 6 + [UNKNOWN] * 2
    assert plans(plan, TWELVE[1:], lambda index: True) == [11] * 11
    assert plans(plan, iter(TWELVE), lambda index: True) == [UNKNOWN] * 12


def test_a_script_that_reads_ahead_has_a_plan_after_two_batches():
    plan, one = Plan(), pass_over(TWELVE)
    items = iter(one)
    list(itertools.islice(items, 3))
    assert plan.begin(one, 0) == UNKNOWN
    list(itertools.islice(items, 2))
    assert plan.batch(one, 2)
    assert plan.batches == 6


def test_what_another_thread_waits_is_not_known_to_be_the_wait_of_this_one():
    one, other = pass_over(TWELVE), pass_over(TWELVE)
    assert list(one) == TWELVE
    wait, _ = one.take()
    assert wait > 0
    thread = threading.Thread(target=list, args=(other,))
    thread.start()
    thread.join()
    wait, _ = other.take()
    assert math.isnan(wait)


class Stream(IterableDataset):
    """It gives more than its length says, of which torch warns those who asked for that."""

    def __iter__(self):
        yield from range(8)

    def __len__(self):
        return 4


def test_asking_for_a_length_warns_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = DataLoader(Stream(), batch_size=1)
        one = pass_over(loader)
        assert one.length == 4
        assert sum(1 for _ in one) == 8
    assert len(one) == 4
    with pytest.warns(UserWarning, match="Length of IterableDataset"):
        list(loader)
