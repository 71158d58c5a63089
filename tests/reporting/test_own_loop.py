"""Two lines in a loop: real trainings that report by themselves, as people start them."""

import re
import signal
import time

import pytest
from everybatch.metrics.records import ValidationRecord
from everybatch.run.control_client import ask_run

from ..support import said, until
from .loops import SCRIPTS, TORCHRUN, ended, run_of, told

ONE_BATCH = """
import everybatch, os, sys, time
run = everybatch.init(epochs=3)
for _ in run.epochs():
    run.log(loss=1)
    break
time.sleep(0.1)"""


# ---- alone ------------------------------------------------------------------------------------------------


def test_every_batch_validation_and_value_of_a_loop_is_recorded_and_one_line_says_where(start):
    done, run = ended(start("two_lines.py"))
    assert done.code == 0
    assert done.stderr.splitlines() == said(done.stderr, "api_watch", run=run.run_id)
    assert (run.state, run.content["kind"], run.content["world_size"]) == ("finished", "loop", 1)
    batches = told(done)
    assert done.log_batch_lines() == [
        f"Epoch [{one['epoch']}/3] - 进度 {20 * one['batch']:.1f}% ({one['batch']}/5)"
        f" - Batch Loss: {one['loss']:.6f} - LR: 0.10000000 - norm: {float(row['norm']):.4g} - tokens: 8"
        for one, row in zip(batches, done.rows("batch"), strict=True)
    ]
    assert {row["samples"] for row in done.rows("batch")} == {"4"}
    assert all(float(row["data_wait_seconds"]) > 0 for row in done.rows("batch"))
    epochs = done.rows("epoch")
    assert [(row["status"], row["tokens"], row["val_dice"]) for row in epochs] == [
        ("completed", "40", f"{epoch / 10:g}") for epoch in (1, 2, 3)
    ]
    assert run.content["metric_names"] == ["dice"]
    validations = [record for record in done.journal() if isinstance(record, ValidationRecord)]
    assert [(one.epoch, one.step) for one in validations] == [(1, 5), (2, 10), (3, 15)]


def test_the_weights_are_to_the_last_bit_those_of_the_loop_without_it(start):
    watched = start("two_lines.py").wait()
    (weights,) = re.findall(r"^weights.*$", watched.stdout, re.M)
    bare = (SCRIPTS / "two_lines.py").read_text()
    (watched.folder / "bare.py").write_text(bare.replace("import everybatch\n", "import unwatched as everybatch\n"))
    done = start("-c", f"exec(open({str(watched.folder / 'bare.py')!r}).read())").wait()
    assert (done.code, done.stderr) == (0, "")
    assert weights in done.stdout.splitlines()


def test_it_goes_on_alone_when_the_training_is_killed_and_says_so(start):
    running = start("two_lines.py", SECONDS="0.05")
    until(lambda: "(4/5)" in running.log())
    running.send(signal.SIGKILL)
    _, run = ended(running)
    assert run.state == "failed"
    assert said(run.content["cause"], "rank_silent", rank=0)


def test_ctrl_c_is_no_failure(start):
    running = start("two_lines.py", SECONDS="0.05")
    until(lambda: "(4/5)" in running.log())
    running.send(signal.SIGINT)
    done, run = ended(running)
    assert (run.state, done.rows("epoch")[0]["status"]) == ("stopped", "completed")
    assert "KeyboardInterrupt" in done.stderr


@pytest.mark.parametrize(
    ("ending", "state", "cause"),
    [
        ("raise ValueError('no more')", "failed", "ValueError: no more"),
        ("sys.exit(3)", "stopped", ""),
        ("os._exit(0)", "failed", "rank 0"),
        ("run.finish()", "finished", ""),
        ("pass", "stopped", ""),
        ("sys.excepthook = lambda *_: None; raise ValueError('no more')", "failed", "ValueError: no more"),
        ("run.__exit__(SystemExit, SystemExit(3), None)", "failed", "SystemExit: 3"),
    ],
)
def test_it_is_told_how_the_training_ended(start, ending, state, cause):
    code = f"{ONE_BATCH}; {ending}"
    _, run = ended(start("-c", code))
    assert run.state == state
    assert cause in run.content["cause"]
    assert bool(cause) == bool(run.content["cause"])


@pytest.mark.parametrize(
    ("known", "loop", "end", "state", "status"),
    [
        ("steps=100", "range(9)", "sys.exit(1)", "stopped", "stopped"),
        ("epochs=2", "(i for _ in run.epochs() for i in range(9))", "sys.exit(1)", "stopped", "stopped"),
        ("epochs=2", "(i for _ in run.epochs() for i in range(9))", "run.finish(); break", "finished", "completed"),
        ("", "run.batches(range(9))", "sys.exit(1)", "finished", "stopped"),
        (
            "epochs=1",
            "(i for _ in run.epochs() for i in run.batches(range(4)))",
            "sys.exit(1)",
            "finished",
            "completed",
        ),
        ("", "range(9)", "sys.exit(1)", "finished", "completed"),  # nobody knows that there was more
    ],
)
def test_an_epoch_that_the_end_of_the_script_cuts_is_not_complete(start, known, loop, end, state, status):
    code = f"""
import everybatch, sys
run = everybatch.init({known})
for index in {loop}:
    run.log(loss=1)
    if index == 3:
        {end}
"""
    done, run = ended(start("-c", code))
    assert (run.state, len(done.log_batch_lines())) == (state, 4)
    assert [row["status"] for row in done.rows("epoch")] == [status]


def test_a_stop_ends_the_loop_after_a_batch_and_what_follows_is_done(start):
    running = start("two_lines.py", SECONDS="0.05", EPOCHS="1000")
    until(lambda: "(1/5)" in running.log())
    assert ask_run(run_of(running), "stop").taken
    done, run = ended(running)
    assert (done.code, run.state) == (0, "stopped")
    assert "weights" in done.stdout
    assert said(done.log(), "stop_told_taken")
    assert len(told(done)) == done.counted()


def test_pause_resume_and_save_reach_the_loop(start):
    running = start("asked.py")
    run = run_of(running)
    until(lambda: "Batch Loss" in running.log())
    assert ask_run(run, "pause").taken
    until(lambda: said(running.log(), "pause_taken"))
    paused = running.log().count("Batch Loss")
    time.sleep(0.3)
    assert running.log().count("Batch Loss") == paused
    assert ask_run(run, "save").taken
    assert ask_run(run, "resume").taken
    until(lambda: said(running.log(), "save_told_taken"))
    assert ask_run(run, "stop_after_epoch").taken
    done, run = ended(running)
    assert (run.state, done.stdout.splitlines()[-1]) == ("stopped", "saved 1 times")
    assert {row["status"] for row in done.rows("epoch")} == {"completed"}


# ---- several ranks ----------------------------------------------------------------------------------------


def of_ranks(done):
    """The losses that the ranks told, by step."""
    losses = {}
    for one in told(done):
        if "loss" in one:
            losses.setdefault(one["step"], []).append(one["loss"])
    return losses


@pytest.mark.parametrize(
    ("command", "env"),
    [
        ((*TORCHRUN, "two_lines_ddp.py"), {}),
        pytest.param(("two_lines_spawn.py",), {}, marks=pytest.mark.slow),
        (("two_lines_spawn.py",), {"EARLY": "1", "WORKERS": "1"}),
    ],
    ids=["torchrun", "spawn", "spawn before the group"],
)
def test_both_ranks_come_into_one_run_with_all_their_values(start, command, env):
    done, run = ended(start(*command, **env))
    assert done.code == 0, done.stderr
    assert (run.state, run.content["world_size"]) == ("finished", 2)
    losses, rows = of_ranks(done), done.rows("batch")
    assert len(rows) == 10
    for row in rows:
        assert float(row["loss"]) == pytest.approx(sum(losses[int(row["step"])]) / 2, rel=1e-6)
    assert {row["tokens"] for row in rows} == {"20"}
    assert [row["zeros"] + row["ones"] for row in rows] == ["11", ""] * 5


@pytest.mark.parametrize("who", ["zero", pytest.param("logs", marks=pytest.mark.slow)])
def test_where_only_rank_0_logs_its_batches_are_those_of_the_run(start, who):
    done, run = ended(start(*TORCHRUN, "two_lines_ddp.py", WHO=who))
    assert (done.code, run.state, done.counted()) == (0, "finished", 10)
    losses = of_ranks(done)
    assert all(
        any(float(row["loss"]) == pytest.approx(one) for one in losses[int(row["step"])])
        for row in done.rows("batch")
    )
    assert [row["status"] for row in done.rows("epoch")] == ["completed", "completed"]
    assert said(done.log(), "ranks_settled", present=1, world_size=2)


@pytest.mark.parametrize(
    ("command", "fault", "rank", "cause"),
    [
        ((*TORCHRUN, "two_lines_ddp.py"), "kill", 1, "rank_silent"),
        pytest.param(("two_lines_spawn.py",), "kill", 0, "rank_silent", marks=pytest.mark.slow),
        pytest.param((*TORCHRUN, "two_lines_ddp.py"), "raise", 1, "failed_raised", marks=pytest.mark.slow),
        pytest.param(("two_lines_spawn.py",), "raise", 1, "failed_raised", marks=pytest.mark.slow),
    ],
)
def test_the_rank_that_is_to_blame_is_named(start, command, fault, rank, cause):
    done, run = ended(start(*command, FAULT=fault, FAULT_AT=f"{rank}@4", WORKERS="1"))
    assert done.code != 0
    assert run.state == "failed"
    assert said(run.content["cause"], cause, rank=rank)


def test_a_stop_is_agreed_on_and_both_ranks_end_after_the_same_batch(start):
    running = start(*TORCHRUN, "two_lines_ddp.py", EPOCHS="1000", SECONDS="0.01")
    until(lambda: "Epoch [2/" in running.log())
    assert ask_run(run_of(running), "stop").taken
    done, run = ended(running)
    assert (done.code, run.state) == (0, "stopped"), done.stderr
    last = [one["last"] for one in told(done) if "last" in one]
    assert len(last) == 2
    assert len(set(last)) == 1
    assert done.counted() == last[0]


def test_a_stop_that_is_asked_for_before_all_ranks_came_waits_for_them(start):
    running = start(*TORCHRUN, "two_lines_ddp.py", EPOCHS="1000", LATE="2")
    assert ask_run(run_of(running), "stop").taken
    done, run = ended(running)
    assert (done.code, run.state) == (0, "stopped"), done.stderr
    last = [one["last"] for one in told(done) if "last" in one]
    assert (len(last), len(set(last))) == (2, 1)
    assert not said(done.log(), "agreed_by_rank_0")


@pytest.mark.parametrize("who", [pytest.param("zero", marks=pytest.mark.slow), "logs"])
def test_where_only_rank_0_logs_a_stop_is_told_to_it_and_no_rank_waits_for_another(start, who):
    running = start(*TORCHRUN, "two_lines_ddp.py", EPOCHS="30", SECONDS="0.05", WHO=who)
    until(lambda: "Epoch [2/" in running.log())
    assert ask_run(run_of(running), "pause").taken
    until(lambda: said(running.log(), "not_by_rank_0", command="pause"))
    assert ask_run(run_of(running), "stop").taken
    done, run = ended(running)
    assert (done.code, run.state) == (0, "stopped"), done.stderr
    assert said(done.log(), "agreed_by_rank_0")
    assert [one["last"] for one in told(done) if "last" in one] == [150, 150]
