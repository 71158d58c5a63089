"""Named values of our own loop: `loss()` returns them, and clipping tells the norm of the gradient."""

import math
import shutil

import pytest

from .mine import write as write_task

VALUES = """
def loss(self, model, batch):
    error = model(batch[0]) - batch[1]
    self.done = getattr(self, "done", 0) + 1
    values = {"mae": error.abs().mean(), "rank": dist.get_rank(), "done": torch.tensor([self.done])}
    return error.square().mean(), values
"""
PLAIN = """
def loss(self, model, batch):
    return (model(batch[0]) - batch[1]).square().mean()
"""


@pytest.fixture
def mine(tmp_path):
    def write(body):
        write_task(tmp_path, body)
        flags = ("--task", "mine:Mine", "--nproc", "2", "--lr", "0.1", "--lang", "en")
        return (*flags, "--grad_clip", "1", "--log_batch_metrics")

    return write


def test_values_of_all_ranks_are_merged_and_the_training_is_the_same(train, mine, tmp_path):
    run = train(*mine(VALUES), "--epochs", "2")
    assert (run.code, run.stderr) == (0, "")
    rows = run.rows("batch")
    assert [row["rank"] for row in rows] == ["0.5"] * 6
    assert [row["done"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert all(0 < float(row["mae"]) < 2 * math.sqrt(float(row["loss"])) for row in rows)
    assert all(float(row["grad_norm"]) > 0 for row in rows)
    means = [sum(float(row["mae"]) for row in rows[start : start + 3]) / 3 for start in (0, 3)]
    assert [float(row["mae"]) for row in run.rows("epoch")] == pytest.approx(means)
    assert " - mae: " in run.log_batch_lines()[0]
    assert " - grad_norm: " in run.log_batch_lines()[0]
    shutil.rmtree(tmp_path / "metrics")
    plain = train(*mine(PLAIN), "--epochs", "2").rows("batch")
    assert [(row["loss"], row["grad_norm"]) for row in plain] == [(row["loss"], row["grad_norm"]) for row in rows]
    assert "mae" not in plain[0]


@pytest.mark.slow
def test_a_resumed_run_goes_on_in_the_same_columns(train, mine, tmp_path):
    assert train(*mine(VALUES), "--epochs", "1").code == 0
    run = train("--resume", "--epochs", "2")
    assert run.code == 0, run.stderr
    assert [row["step"] for row in run.rows("batch") if row["mae"] and row["grad_norm"]] == list("123456")
    assert not list((tmp_path / "metrics").glob("*part2*"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ('{"mae": error.abs()}', "the value mae of loss() has the shape [4, 1]"),
        pytest.param('{"mae": [1.0]}', "the value mae of loss() is list (float)", marks=pytest.mark.slow),
        pytest.param("{3: 1.0}", "has the name 3", marks=pytest.mark.slow),
        pytest.param(
            "1.0",
            "must return a tensor of one number (the mean loss), not tuple (Tensor, float)",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_is_no_value_is_said_before_anything_is_written(train, mine, tmp_path, values, said):
    body = f"""
def loss(self, model, batch):
    error = model(batch[0]) - batch[1]
    return error.square().mean(), {values}
"""
    run = train(*mine(body), "--epochs", "1")
    assert run.code == 2
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "metrics").exists()


@pytest.mark.slow
def test_an_optimizer_with_a_closure_has_the_values_of_its_first_call(train, mine):
    body = (
        VALUES
        + "\ndef optimizer(self, model, lr):\n    return torch.optim.LBFGS(model.parameters(), lr, max_iter=3)\n"
    )
    run = train(*mine(body), "--epochs", "1")
    assert (run.code, run.stderr) == (0, "")
    assert [row["done"] for row in run.rows("batch")] == ["1", "4", "7"]
    assert all(row["grad_norm"] for row in run.rows("batch"))
