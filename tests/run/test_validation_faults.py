"""A validation that fails costs no training: the epoch is saved before it, and a resume repeats it alone."""

import os
import shutil
import signal

import pytest
import torch
from everybatch.engine.checkpoint import read_checkpoint
from everybatch.metrics.records import Start

from ..support import only, until

JUDGED = '''
class Own(Tiny):
    """Its metric fails on rank 1, in epoch 2 and where nothing is trained, while there is a file ``broken``."""

    metric_names = ("error",)

    def __init__(self):
        super().__init__()
        self.epoch = 0

    def val_data(self):
        return torch.utils.data.TensorDataset(torch.arange(24), self.x[:24], self.y[:24])

    def train_data(self):
        task = self
        class Told(torch.utils.data.TensorDataset):
            def set_epoch(self, epoch):
                task.epoch = epoch
        return Told(torch.arange(self.samples), self.x, self.y)

    def metrics(self, model, batch):
        noise = 1e-3 * torch.randn(())  # whoever resumes has to draw the same
        if os.path.exists("broken") and os.environ["RANK"] == "1" and self.epoch in (2, 0):
            FAULTS[open("broken").read() or "raise"]()
        return {"error": (model(batch[1]).squeeze(1) - batch[2]).abs().mean() + noise}
'''

FLAGS = ("--epochs", "3", "--log_batch_metrics")


@pytest.fixture
def flags(own_task, tmp_path):
    (tmp_path / "broken").touch()
    return (*own_task(JUDGED), *FLAGS)


@pytest.fixture
def unbroken(train, flags, tmp_path):
    """The rows of a run without any fault; what it wrote is gone."""
    (tmp_path / "broken").rename(tmp_path / "whole")
    run = train(*flags)
    assert (run.code, run.stderr) == (0, "")
    rows = numbers(run)
    for folder in ("log", "metrics", "checkpoints", ".everybatch"):
        shutil.rmtree(tmp_path / folder)
    (tmp_path / "whole").rename(tmp_path / "broken")
    return rows


def numbers(run):
    """What training and validation computed, exact to the bit."""
    batches = [(row["step"], row["loss"], row["lr"]) for row in run.rows("batch")]
    epochs = [(row["epoch"], row["avg_loss"], row["val_loss"], row["val_error"]) for row in run.rows("epoch")]
    return batches, epochs


def test_a_metric_that_fails_ends_the_run_with_the_epoch_saved_and_a_resume_only_validates(
    unbroken, train, flags, tmp_path
):
    run = train(*flags)
    assert run.code == 1
    lines = run.stderr.splitlines()
    assert "rank 1 在 Epoch 2 的验证中出错: ValueError: a fault of rank 1 [/red] \\x1b[31m" in lines
    assert any("--resume 只重新验证" in line for line in lines)
    assert run.counted() == 24
    checkpoint = read_checkpoint(only(tmp_path, "checkpoints/*/last.pt"))
    assert checkpoint.start == Start(2, 12, 24)
    assert run.stdout.index("最佳模型已保存") > run.stdout.index("模型已保存")

    (tmp_path / "broken").unlink()
    run = train("--resume")
    assert (run.code, run.stderr) == (0, "")
    assert "Epoch 2，跳过已完成的 12 个batch" in run.stdout
    assert numbers(run) == unbroken
    assert [row["status"] for row in run.rows("epoch")] == ["completed"] * 3
    assert [row["attempt"] for row in run.rows("batch")] == ["1"] * 24 + ["2"] * 12


@pytest.mark.parametrize("fault", [pytest.param("kill", marks=pytest.mark.slow), "hang"])
def test_a_rank_that_dies_in_validation_costs_no_training(flags, train, tmp_path, fault):
    (tmp_path / "broken").write_text(fault)
    run = train(*flags, "--timeout", "3")
    assert run.code == 1
    assert any(line.startswith("rank 1 ") for line in run.stderr.splitlines())
    assert read_checkpoint(only(tmp_path, "checkpoints/*/last.pt")).start == Start(2, 12, 24)


def test_with_warn_training_goes_on_without_that_validation(flags, train, tmp_path):
    run = train(*flags, "--on_validation_error", "warn")
    assert (run.code, run.stderr) == (0, "")
    (line,) = [line for line in run.stdout.splitlines() if "验证在 rank 1 上失败" in line]
    assert line.startswith("警告: Epoch 2 的验证在 rank 1 上失败（ValueError: a fault of rank 1")
    assert [bool(row["val_loss"]) for row in run.rows("epoch")] == [True, False, True]
    assert [row["status"] for row in run.rows("epoch")] == ["completed"] * 3
    lines = run.stdout.splitlines()
    assert lines.index(line) < lines.index("Epoch [2/3] 完成") < lines.index("Epoch [3/3] 完成")
    assert read_checkpoint(only(tmp_path, "checkpoints/*/last.pt")).start == Start(4, 0, 36)


@pytest.mark.slow
def test_the_training_is_saved_at_a_failure_whatever_the_rhythm(flags, train, tmp_path):
    run = train(*flags, "--save_every", "100")
    assert run.code == 1
    assert read_checkpoint(only(tmp_path, "checkpoints/*/last.pt")).start == Start(2, 12, 24)
    assert "--resume 只重新验证" in run.stderr


@pytest.mark.slow
def test_a_restart_repeats_the_validation_only(flags, train, tmp_path):
    run = train(*flags, "--max_restarts", "1")
    assert run.code == 1
    assert "第 2 次尝试" in run.stdout
    assert [row["attempt"] for row in run.rows("batch")] == ["1"] * 24


def test_a_killed_run_that_had_validated_does_not_do_it_again(flags, start, train, tmp_path):
    """The weights are written once an epoch; what the validation added lies beside them."""
    (tmp_path / "broken").unlink()
    run = start(*flags, "--lr", "1e-9", env={"TINY_SECONDS": "0.05"})
    until(lambda: "(3/12)" in run.log().partition("[2/3] 完成")[2])
    last = only(tmp_path, "checkpoints/*/last.pt")
    assert torch.load(last, weights_only=True)["epoch_finished"] is False
    assert read_checkpoint(last).start == Start(3, 0, 24)
    for process in run.family():
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not run.family())
    done = train("--resume")
    assert done.code == 0
    assert "Epoch 3，跳过已完成的 0 个batch" in done.stdout
    assert [row["attempt"] for row in done.rows("epoch")] == ["1", "1", "2"]
