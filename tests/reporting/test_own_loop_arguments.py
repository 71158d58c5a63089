"""What people give to `log` and `validated`: what can be told of it is told, and what is wrong is said."""

import re

import numpy as np
import pytest
import torch
from everybatch.metrics.values import LAST, MOST_NAMES, SUM
from everybatch.reporting.api.errors import ArgumentError
from everybatch.reporting.api.numbers import number_of, real, whole
from everybatch.reporting.api.values import Values, last_of_ranks, sum_over_ranks

from ..support import said
from .loops import ended


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        np.float32(1.5),
        np.float64(1.5),
        np.array(1.5),
        np.array([[1.5]]),
        torch.tensor(1.5),
        torch.tensor([1.5], requires_grad=True),
        torch.tensor([[1.5]], dtype=torch.float64),
        torch.tensor(1.5, dtype=torch.bfloat16),
    ],
    ids=repr,
)
def test_a_number_of_any_library_is_one(value):
    assert number_of(value) == 1.5


def test_whole_and_true_and_huge_numbers_are_numbers():
    assert [number_of(one) for one in (3, np.int64(3), True, torch.tensor(3), 10**400)] == [
        3,
        3,
        1,
        3,
        float("inf"),
    ]


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("0.5", "str '0.5'"),
        (None, "NoneType"),
        ([0.5], r"list \[0.5\]"),
        ({"a": 1}, "dict {'a': 1}"),
        (1j, "complex 1j"),
        (np.zeros(3), r"ndarray \(3,\)"),
        (np.array("a"), r"ndarray \(\)"),
        (torch.zeros(2, 3), r"Tensor \(2, 3\)"),
        (torch.tensor(1j), r"Tensor \(\)"),
        (print, "builtin_function_or_method .*"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_number_is_one_error_that_names_the_argument(value, got):
    with pytest.raises(ArgumentError, match=rf"^loss: .*{got}"):
        real("loss", value)


@pytest.mark.parametrize("value", [0, 1.5, float("nan"), float("inf"), "2", None])
def test_what_is_no_count_is_one_error_that_names_the_argument(value):
    with pytest.raises(ArgumentError, match=r"^epochs: "):
        whole("epochs", value, 1)
    assert whole("epochs", np.int32(2), 1) == whole("epochs", 2.0, 1) == 2


def test_a_value_that_is_none_is_said_once_and_left_out():
    warned = []
    values = Values(lambda kind, **fields: warned.append((kind, fields)))
    for _ in range(3):
        usable, how = values.usable(
            {
                "good": 1.0,
                "list": [1.0],
                **dict.fromkeys((5, "", " ", "n" * 200, "a\nb"), 1.0),
                "tokens": sum_over_ranks(8),
                "rate": last_of_ranks(0.5),
            }
        )
        assert usable == {"good": 1.0, "tokens": 8.0, "rate": 0.5}
        assert how == {"tokens": SUM, "rate": LAST}
    assert [kind for kind, _ in warned] == ["value_left_out", *["name_left_out"] * 5]
    assert warned[0][1] == {"name": "list", "got": "list [1.0]"}
    assert all(len(fields["name"]) <= 100 for _, fields in warned)


def test_a_million_names_take_the_room_of_a_few():
    warned = []
    values = Values(lambda kind, **fields: warned.append(kind))
    told = {name for number in range(1_000_000) for name in values.usable({f"value {number}": float(number)})[0]}
    assert len(told) == MOST_NAMES + 1  # by the last of which the run process knows that there are too many
    for number in range(1000):
        values.usable({f"wrong {number}": None})
    assert len(warned) == 10


LOOP = """
import everybatch
run = everybatch.init(epochs=1)
for _ in run.epochs():
    for step in range(3):
        run.log({{"loss": 0.5, "a": step}}, **{{"b": 1.0}} if step else {{}}) if step < 2 else {last}
"""


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ("run.log(loss='0.5')", "loss: "),
        ("run.log(a=1)", "run.log"),
        ("run.log([1])", "list"),
        ("run.log(loss=1, lr='fast')", "lr: "),
        ("run.log(loss=1, samples=-1)", "samples: "),
        ("run.validated(loss=[1, 2])", "loss: "),
        ("everybatch.init(epochs=0)", "epochs: "),
        ("everybatch.init(step=3)", "step: "),
    ],
)
def test_a_mistake_is_an_error_of_the_script_and_what_was_logged_is_there(start, last, error):
    done, run = ended(start("-c", LOOP.format(last=last)))
    assert done.code == 1
    assert re.search(rf"^everybatch\S*\.ArgumentError: .*{error}", done.stderr, re.M)
    assert run.state == "failed"
    assert len(done.log_batch_lines()) == 2


def test_a_wrong_value_ends_no_training(start):
    last = "run.log(loss=1, a=[1], **{'': 1})"
    done, run = ended(start("-c", LOOP.format(last=last)))
    assert (done.code, run.state) == (0, "finished")
    assert said(done.log(), "value_left_out", rank=0, name="a", got="list [1]")
    assert said(done.log(), "name_left_out", rank=0, name="''")
    assert [line.partition(" - LR: ")[2].partition(" - ")[2] for line in done.log_batch_lines()] == [
        "a: 0",
        "a: 1 - b: 1",
        "",
    ]


class Odd:
    """Looks like a tensor, until one looks closer."""

    shape = (1,)

    def item(self):
        raise LookupError("no item")

    def __repr__(self):
        raise LookupError("no text")


class OddDevice(Odd):
    @property
    def is_cuda(self):
        raise LookupError("no device")


@pytest.mark.parametrize("value", [Odd(), OddDevice()], ids=["item", "device"])
def test_a_value_whose_own_code_fails_is_left_out_and_the_others_are_told(value):
    warned = []
    values = Values(lambda kind, **fields: warned.append((kind, fields["name"])))
    for _ in range(2):
        usable, _ = values.usable({"odd": value, "good": 1.0})
        assert usable == {"good": 1.0}
    assert warned == [("value_left_out", "odd")]
    with pytest.raises(ArgumentError, match=r"^loss: .*LookupError"):
        real("loss", value)
