"""Whole runs: two ranks, gloo, real files, real signals."""

import json
import os
import pty
import signal
import stat

import pytest
import torch

from ..support import DEADLINE, said, until
from ..tiny import Tiny


def test_the_loss_of_a_batch_is_what_one_process_computes_for_the_same_samples(train, tiny, tmp_path, monkeypatch):
    run = train(*tiny, "--epochs", "3", "--log_batch_metrics", "--seed", "5", env={"TINY_SAMPLES": "90"})
    assert run.code == 0, run.stderr
    rows = run.rows("batch")
    assert len(rows) == 3 * 12  # 45 samples a rank in batches of 4, the last of 1

    monkeypatch.setenv("TINY_SAMPLES", "90")
    monkeypatch.setenv("RANK", "0")
    task = Tiny()
    torch.manual_seed(5)
    model, data = task.model(), task.train_data()
    optimizer = task.optimizer(model, 0.1)
    losses = []
    for epoch in (1, 2, 3):
        orders = []
        for rank in range(2):
            sampler = torch.utils.data.DistributedSampler(data, num_replicas=2, rank=rank, seed=5)
            sampler.set_epoch(epoch)
            orders.append(list(sampler))
        for start in range(0, 45, 4):
            samples = [index for order in orders for index in order[start : start + 4]]
            loss = task.loss(model, data[samples])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert [float(row["loss"]) for row in rows] == pytest.approx(losses, abs=1e-6)
    assert [float(line.split("Batch Loss: ")[1].split()[0]) for line in run.batch_lines()] == pytest.approx(
        losses, abs=1e-6
    )
    assert losses[-1] < losses[0] / 10


def test_what_a_run_leaves(train, tiny, tmp_path):
    run = train(*tiny, "--epochs", "2", "--log_interval", "5", "--log_batch_metrics")
    assert (run.code, run.stderr) == (0, "")
    # the screen at the interval, the log file always
    assert [line.split("(")[1].split("/")[0] for line in run.batch_lines()] == ["0", "5", "10"] * 2
    assert len(run.log_batch_lines()) == 24
    assert set(run.batch_lines()) <= set(run.log_batch_lines())
    assert "\x1b" not in run.stdout
    assert "\r" not in run.stdout
    # the rows
    epochs, batches = run.rows("epoch"), run.rows("batch")
    assert [(row["epoch"], row["status"], row["samples"]) for row in epochs] == [
        ("1", "completed", "96"),
        ("2", "completed", "96"),
    ]
    assert [(int(row["epoch"]), int(row["batch"]), int(row["step"])) for row in batches] == [
        (1 + i // 12, i % 12, i + 1) for i in range(24)
    ]
    for row in epochs:
        losses = [float(batch["loss"]) for batch in batches if batch["epoch"] == row["epoch"]]
        assert float(row["avg_loss"]) == pytest.approx(sum(losses) / 12)
        assert float(row["min_batch_loss"]) == pytest.approx(min(losses))
        assert float(row["max_batch_loss"]) == pytest.approx(max(losses))
    # the block of an epoch and the checkpoints come after its batches
    lines = run.stdout.splitlines()
    (block,) = said(run.stdout, "epoch_completed", epoch=1, epochs=2)
    assert lines.index(block) < lines.index(said(run.stdout, "saved_last")[0])
    checkpoint = torch.load(next(tmp_path.glob("checkpoints/*/last.pt")), weights_only=True)
    assert (checkpoint["epoch"], checkpoint["batches_done"], checkpoint["step"]) == (2, 12, 24)
    assert [set(rank) for rank in checkpoint["ranks"]] == [{"rng", "loss_sum", "events"}] * 2
    best = torch.load(next(tmp_path.glob("checkpoints/*/best.pt")), weights_only=True)
    assert best["best_score"] == pytest.approx(min(float(row["avg_loss"]) for row in epochs))
    # the journal, and what only this user may read
    kinds = [type(record).__name__ for record in run.journal()]
    assert (kinds[0], kinds[-1], kinds.count("BatchRecord"), kinds.count("EpochSummary")) == (
        "RunStarted",
        "RunEnded",
        24,
        2,
    )
    (private,) = tmp_path.glob(".everybatch/*")
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert json.loads((private / "run.json").read_text())["state"] == "finished"


@pytest.mark.slow
def test_english_and_validation_and_loader_workers(train, tmp_path):
    run = train("--epochs", "1", "--lang", "en", "--workers", "1", "--log_interval", "100")
    assert (run.code, run.stderr) == (0, "")
    assert len(run.log_batch_lines()) == 171
    assert run.batch_lines()[0].startswith("Epoch [1/1] - progress 0.0% (0/171) - Batch Loss: 0.")
    (row,) = run.rows("epoch")
    assert 0 < float(row["val_loss"]) < 0.6
    assert 0 < float(row["val_dice"]) <= 1
    assert "Validation dice: " in run.stdout
    assert "Best epoch: 1 (validation loss " in run.stdout


@pytest.mark.parametrize(
    ("fault", "key", "fields"),
    [
        ("raise", "failed_raised", {"error": "ValueError", "message": r"a fault of rank 1 [/red] \x1b[31m"}),
        ("kill", "failed_signal", {"signal": "SIGKILL"}),
        pytest.param("segv", "failed_signal", {"signal": "SIGSEGV"}, marks=pytest.mark.slow),
        pytest.param("exit", "failed_early", {"code": 0}, marks=pytest.mark.slow),
        pytest.param(
            "sys.exit",
            "failed_raised",
            {"error": "EndedEarlyError", "message": "sys.exit(0)"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_rank_that_fails_is_named_and_everything_before_is_kept(train, tiny, tmp_path, fault, key, fields):
    env = {"TINY_FAULT": f"{fault}@18", "TINY_SECONDS": "0.05"}
    run = train(*tiny, "--epochs", "3", "--log_batch_metrics", env=env)
    assert run.code == 1
    words = "".join(said(run.stderr, key, rank=1, **fields))
    assert words in run.stderr.splitlines(), run.stderr
    assert "rank_1.log" in run.stderr
    assert words in run.log()
    batches = run.rows("batch")
    if fault in ("kill", "segv", "exit"):  # 30 ms may be lost with the process
        assert len(batches) in (16, 17)
    else:
        assert len(batches) == 17
    assert len(run.log_batch_lines()) == len(batches)
    epochs = run.rows("epoch")
    assert [(row["epoch"], row["status"]) for row in epochs] == [("1", "completed"), ("2", "failed")]
    assert epochs[1]["samples"] == str(8 * (len(batches) - 12))
    (run_json,) = tmp_path.glob(".everybatch/*/run.json")
    assert json.loads(run_json.read_text())["state"] == "failed"
    assert run.journal()[-1].state == "failed"
    if fault == "raise":
        assert 'raise ValueError("a fault of rank 1' in run.stderr
        assert "\x1b" not in run.stderr.splitlines()[-1]
    if fault == "segv":
        (rank_log,) = tmp_path.glob(".everybatch/*/rank_1.log")
        assert "Segmentation fault" in rank_log.read_text()


@pytest.mark.slow
def test_a_nan_is_told_once_a_burst_and_counted(train, tiny):
    run = train(*tiny, "--epochs", "1", env={"TINY_FAULT": "nan@5"})
    assert run.code == 0
    (warning,) = said(run.stdout, "nonfinite")
    assert said(warning, "nonfinite", epoch=1, batch=4, value="nan", ranks="1")
    (row,) = run.rows("epoch")
    assert (row["avg_loss"], row["nonfinite_batches"]) == ("nan", "8")  # the weights are nan from then on
    assert "Batch Loss: nan" in run.batch_lines()[-1]


def test_on_nan_stop_stops_all_ranks_at_one_batch(train, tiny):
    env = {"TINY_FAULT": "nan@5", "TINY_SECONDS": "0.2"}
    run = train(*tiny, "--epochs", "5", "--on_nan", "stop", env=env)
    assert run.code == 1
    (row,) = run.rows("epoch")
    assert row["status"] == "stopped"
    assert 5 <= int(row["samples"]) // 8 < 12
    assert "--on_nan stop" in run.stdout


@pytest.mark.parametrize(
    ("number", "code", "to_all"),
    [
        pytest.param(signal.SIGINT, 130, False, marks=pytest.mark.slow),
        (signal.SIGINT, 130, True),
        (signal.SIGTERM, 143, False),
        pytest.param(signal.SIGTERM, 143, True, marks=pytest.mark.slow),
    ],
    ids=["SIGINT", "SIGINT to all its processes", "SIGTERM", "SIGTERM to all its processes"],
)
def test_a_first_signal_finishes_the_batch_and_saves(start, tiny, tmp_path, number, code, to_all):
    run = start(*tiny, "--epochs", "1000", "--workers", "1", "--log_batch_metrics", env={"TINY_SECONDS": "0.02"})
    until(lambda: "(5/12)" in run.log())
    for process in run.family() if to_all else [run.process]:  # a terminal's Ctrl-C and Slurm reach all
        process.send_signal(number)
    done = run.wait()
    assert (done.code, done.stderr) == (code, "")
    batches, epochs = done.rows("batch"), done.rows("epoch")
    assert len(done.log_batch_lines()) == len(batches)
    assert len(done.batch_lines()) == len(batches)
    assert sum(int(row["samples"]) for row in epochs) == 8 * len(batches)
    assert epochs[-1]["status"] in ("stopped", "completed")
    assert done.journal()[-1].state == "stopped"
    checkpoint = torch.load(next(tmp_path.glob("checkpoints/*/last.pt")), weights_only=True)
    assert checkpoint["step"] == len(batches)


def test_a_second_signal_ends_at_once_and_leaves_no_process(start, tiny):
    run = start(*tiny, "--epochs", "1000", "--workers", "1", env={"TINY_SECONDS": "600", "TINY_FAULT": "none@0"})
    until(lambda: len(run.ranks()) == 2)
    run.send(signal.SIGINT)
    until(lambda: "SIGINT" in run.log())
    run.send(signal.SIGINT)
    done = run.wait()
    assert done.code == 130
    assert done.journal()[-1].state == "stopped"


def test_a_closed_terminal_does_not_end_the_run(start, tiny, tmp_path):
    ours, theirs = pty.openpty()
    run = start(
        *tiny, "--epochs", "4", "--no-tui", env={"TINY_SECONDS": "0.05"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    until(lambda: "(5/12)" in run.log())
    assert "Epoch [1/4]" in os.read(ours, 100_000).decode()
    os.close(ours)  # the kernel sends SIGHUP, and writing fails from now on
    done = run.wait()
    assert done.code == 0
    assert len(done.log_batch_lines()) == 48
    assert said(done.log(), "terminal_gone")


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_end_the_run(start, tiny):
    run = start(*tiny, "--epochs", "30")
    run.process.stdout.readline()
    run.process.stdout.close()
    run.process.stdout = None
    done = run.wait()
    assert done.code == 0
    assert len(done.log_batch_lines()) == 360
    assert said(done.log(), "console_gone")


@pytest.mark.slow
def test_two_runs_of_one_second_keep_apart(start, tiny, tmp_path):
    runs = [start(*tiny, "--epochs", "1", "--nproc", "1") for _ in range(2)]
    for run in runs:
        run.process.communicate(timeout=DEADLINE)
        assert run.process.returncode == 0
    assert len(list(tmp_path.glob("log/training_*.log"))) == 2
    assert len(list(tmp_path.glob("checkpoints/*/last.pt"))) == 2


@pytest.mark.slow
def test_what_ranks_print_goes_to_their_logs(train, own_task, tmp_path):
    printing = own_task("""
        class Own(Tiny):
            def loss(self, model, batch):
                print("printed", self.__class__)
                os.write(2, b"native\\n")
                return super().loss(model, batch)
        """)
    run = train(*printing, "--epochs", "1")
    assert run.code == 0
    assert "native" not in run.stdout + run.stderr
    for rank in range(2):
        (log,) = tmp_path.glob(f".everybatch/*/rank_{rank}.log")
        assert log.read_text().count("native\n") == 12
        assert log.read_text().count("printed <class 'own.Own'>\n") == 12
