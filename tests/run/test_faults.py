"""Faults of ranks, processes and readers that a run must survive or name, each one done for real."""

import contextlib
import json
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
from everybatch.run.control_client import ask_run
from everybatch.run.registry import read_run

from ..support import as_nobody, only, said, until

# ---- ranks ------------------------------------------------------------------------------------------------


def test_a_rank_that_hangs_is_named_with_its_stack(train, tiny):
    run = train(*tiny, "--timeout", "3", "--log_batch_metrics", env={"TINY_FAULT": "hang@5"})
    assert run.code == 1
    assert said(run.stderr, "failed_hang", ranks="1")
    assert "a_step_that_never_ends" in run.stderr
    assert "--timeout" in run.stderr
    assert run.counted() == 4
    assert [row["status"] for row in run.rows("epoch")] == ["failed"]


@pytest.mark.slow
def test_a_checkpoint_that_takes_longer_than_the_timeout_is_no_hang(train, own_task):
    slow = own_task("""
        class Slow(nn.Linear):
            def state_dict(self, *args, **kwargs):
                time.sleep(4)
                return super().state_dict(*args, **kwargs)

        class Own(Tiny):
            def model(self):
                return Slow(3, 1).double()
        """)
    run = train(*slow, "--timeout", "2", "--epochs", "2", "--log_batch_metrics")
    assert run.code == 0
    assert run.counted() == 24


def test_the_stacks_of_a_run_that_hangs_are_dumped_on_demand(start, tiny, tmp_path):
    run = start(*tiny, env={"TINY_FAULT": "hang@5"})
    until(lambda: "(3/12)" in run.log())
    known = read_run(only(tmp_path, ".everybatch/*"))
    logs = [only(tmp_path, f".everybatch/*/rank_{rank}.log") for rank in (0, 1)]

    def dumped():  # asked again and again, as the rank may not have come to its endless step
        assert ask_run(known, "stacks").taken
        waiting, hanging = (log.read_text() for log in logs)
        return "backward" in waiting and "a_step_that_never_ends" in hanging

    until(dumped)
    until(lambda: "rank_*.log" in run.log())
    run.send(signal.SIGINT)
    until(lambda: "SIGINT" in run.log())  # two signals at once are one
    run.send(signal.SIGINT)
    assert run.wait().code == 130


def test_a_rank_without_memory_is_named_with_a_hint(train, tiny):
    run = train(*tiny, "--log_batch_metrics", env={"TINY_FAULT": "memory@5"})
    assert run.code == 1
    assert said(run.stderr, "failed_raised", rank=1, error="RuntimeError")
    assert "can't allocate memory" in run.stderr
    assert said(run.stderr, "hint_memory")
    assert run.counted() == 4


def test_ranks_that_see_different_data_are_told_before_the_first_batch(train, own_task):
    different = own_task("""
        class Own(Tiny):
            def train_data(self):
                missing = 40 * int(os.environ.get("RANK", "0"))
                return torch.utils.data.Subset(super().train_data(), range(self.samples - missing))
        """)
    run = train(*different)
    assert run.code == 1
    assert said(run.stderr, "uneven", method="train_data", batches="rank 0: 12, rank 1: 7")
    assert run.log_batch_lines() == []


def test_a_loader_worker_that_is_killed_fails_the_rank_with_a_hint(start, tiny):
    run = start(*tiny, "--workers", "1", "--epochs", "1000", "--log_batch_metrics", env={"TINY_SECONDS": "0.1"})
    until(lambda: "(3/12)" in run.log())
    rank = run.ranks()[1]

    def killed():  # workers live for an epoch, so one may end before it is killed
        with contextlib.suppress(psutil.NoSuchProcess):
            for worker in rank.children():
                worker.kill()
        return run.process.poll() is not None or "DataLoader worker" in run.log()

    until(killed)
    done = run.wait()
    assert done.code == 1
    assert said(done.stderr, "failed_raised", rank=1)
    assert said(done.stderr, "hint_loader")
    assert done.counted() > 0


def test_a_killed_run_process_reports_no_success_and_its_ranks_end(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "1000", "--workers", "1", env={"TINY_SECONDS": "0.02"})
    until(lambda: "(5/12)" in run.log())
    private = only(tmp_path, ".everybatch/*")
    run.send(signal.SIGKILL)
    run.process.wait()
    until(lambda: not run.family())
    assert read_run(private).state == "lost"
    assert json.loads((private / "run.json").read_text())["state"] == "running"
    assert not said(run.log(), "end_finished")
    assert "the run process is gone" in (private / "rank_0.log").read_text()


@pytest.mark.slow
def test_a_task_that_cannot_be_pickled_trains(train, own_task):
    """Ranks and loader workers build the task by its name, so nothing of it travels."""
    odd = own_task("""
        class Own(Tiny):
            def __init__(self):
                super().__init__()
                self.odd = (lambda: 1, open(__file__))

        print("no main guard here")
        """)
    assert train(*odd, "--epochs", "1", "--workers", "1").code == 0


@pytest.mark.slow
def test_a_port_that_is_taken_does_not_matter(train, tiny):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        env = {"MASTER_PORT": str(taken.getsockname()[1]), "MASTER_ADDR": "127.0.0.1"}
        assert train(*tiny, "--epochs", "1", env=env).code == 0


# ---- time and readers -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_clock_that_jumps_changes_no_duration(train, tiny, tmp_path):
    clock = tmp_path / "clock"
    clock.mkdir()
    (clock / "sitecustomize.py").write_text(
        "import time\nreal = time.time\ntime.time = lambda: real() + 86400 * (int(time.monotonic() * 4) % 2)\n"
    )
    env = {"TINY_SECONDS": "0.02", "PYTHONPATH": os.pathsep.join([str(clock), os.environ.get("PYTHONPATH", "")])}
    run = train(*tiny, "--epochs", "4", "--log_batch_metrics", env=env)
    assert (run.code, run.stderr) == (0, "")
    assert run.counted() == 48
    elapsed = [float(row["elapsed_seconds"]) for row in run.rows("batch")]
    assert elapsed == sorted(elapsed)
    assert 0 < elapsed[-1] < 60
    epochs = run.rows("epoch")
    assert len(epochs) == 4
    assert all(0 < float(row["epoch_seconds"]) < 10 for row in epochs)
    assert all(0 <= float(row["eta_hours"]) < 1 for row in epochs)
    assert len({line[:10] for line in run.log().splitlines()}) > 1  # the clock did jump


def test_a_run_process_that_stands_still_loses_nothing(start, tiny):
    run = start(*tiny, "--epochs", "40", "--log_batch_metrics", env={"TINY_SECONDS": "0.002"})
    until(lambda: "(5/12)" in run.log())
    ranks = run.ranks()
    run.send(signal.SIGSTOP)
    used = sum(rank.cpu_times().user for rank in ranks)
    until(lambda: sum(rank.cpu_times().user for rank in ranks) > used + 0.5)  # they go on without their reader
    run.send(signal.SIGCONT)
    done = run.wait()
    assert done.code == 0
    assert done.counted() == 480
    assert not said(done.log(), "dropped")


@pytest.mark.slow
def test_a_pipe_that_nobody_reads_stops_nothing(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "100", "--log_batch_metrics")
    until(lambda: said(run.log(), "end_finished"))
    done = run.wait()
    assert done.code == 0
    assert done.counted() == 1200
    assert len(done.batch_lines()) == 1200  # more than a pipe holds: the rest came when it was read


@pytest.mark.slow
def test_dropped_batches_are_never_silent(start, own_task):
    """The reporter's buffer is made tiny, and the run process stands still."""
    small = own_task("""
        from everybatch.reporting import reporter

        Own = Tiny
        reporter.CAPACITY = 20
        """)
    run = start(*small, "--epochs", "600", "--log_batch_metrics")
    until(lambda: "(5/12)" in run.log())
    ranks = run.ranks()
    run.send(signal.SIGSTOP)
    used = sum(rank.cpu_times().user for rank in ranks)
    until(lambda: sum(rank.cpu_times().user for rank in ranks) > used + 6)  # more than the pipe holds
    run.send(signal.SIGCONT)
    done = run.wait()
    assert done.code == 0
    rows = [int(row["step"]) for row in done.rows("batch")]
    assert rows == sorted(set(rows))
    assert len(done.log_batch_lines()) == len(rows) < 7200
    assert said(done.log(), "dropped")


# ---- other users ------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_another_user_can_neither_read_the_secrets_nor_command_the_run(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "1000", env={"TINY_SECONDS": "0.05"})
    until(lambda: "(3/12)" in run.log())
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o755)  # only the run's own rights are to stand in the way
    private = only(tmp_path, ".everybatch/*")
    control = json.loads((private / "run.json").read_text())["control"]

    for deed in (
        lambda: list(private.iterdir()),
        (private / "run.json").read_bytes,
        (private / "journal").read_bytes,
        lambda: socket.socket(socket.AF_UNIX).connect(control["path"]),
        Path(control["path"]).unlink,
        lambda: os.kill(run.process.pid, signal.SIGTERM),
    ):
        with as_nobody(), pytest.raises(PermissionError):
            deed()
    assert ask_run(read_run(private), "stop").taken  # the owner can
    assert run.wait().code == 0
