"""Where the recording of a loop fails, or meets a loop that does odd things: the training goes on as it is."""

import csv
import signal
import sys

import psutil
import pytest
from everybatch.metrics.records import RunStarted
from everybatch.run.control_client import ask_run

from ..support import said, until
from .loops import SCRIPTS, TORCHRUN, ended, run_of, told


def run_process(running):
    """The process that records, which the training started."""
    return psutil.Process(run_of(running).content["pid"])


def test_where_nothing_can_be_written_it_warns_once_and_every_call_does_nothing(start, tmp_path):
    (tmp_path / "file").touch()
    code = (SCRIPTS / "two_lines.py").read_text().replace("log_batch_metrics=True", "output_dir='file'")
    done = start("-c", code).wait()
    assert (done.code, len(told(done))) == (0, 15)
    assert len(done.stderr.splitlines()) == 1
    assert said(done.stderr, "api_off")
    assert "weights" in done.stdout


def test_a_run_process_that_is_killed_is_one_warning_and_the_training_goes_on(start):
    running = start("two_lines.py", SECONDS="0.05")
    until(lambda: "(1/5)" in running.log())
    run_process(running).kill()
    done = running.wait()
    assert (done.code, len(told(done))) == (0, 15)
    assert [line for line in done.stderr.splitlines() if not said(line, "api_watch")] == said(
        done.stderr, "api_lost"
    )
    assert len(said(done.stderr, "api_lost")) == 1


def test_what_is_logged_after_the_end_is_said_once(start):
    code = "import everybatch\nrun = everybatch.init()\nrun.log(loss=1)\nrun.finish()\nrun.log(loss=2)"
    done, run = ended(start("-c", f"{code}\nrun.log(loss=3)\nrun.finish()\nrun.validated(loss=4)"))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 1)
    assert said(done.stderr, "api_after_end", run=run.run_id)
    assert len(done.stderr.splitlines()) == 2


def test_a_run_that_has_ended_holds_no_loader(start):
    code = """
import everybatch, gc, weakref
class Loader(list):
    pass
run = everybatch.init()
ended_within, ended_behind = Loader(range(9)), Loader(range(3))
for item in run.batches(ended_behind):
    run.log(loss=item)
for item in run.batches(ended_within):
    run.log(loss=item)
    if item == 5:
        run.finish()
references = weakref.ref(ended_within), weakref.ref(ended_behind)
del ended_within, ended_behind
gc.collect()
print([reference() for reference in references])"""
    done, run = ended(start("-c", code))
    assert (done.stdout, run.state, len(done.log_batch_lines())) == ("[None, None]\n", "finished", 9)


def test_several_runs_of_one_process_are_runs_of_their_own(start):
    code = """
import everybatch
for number in range(3):
    with everybatch.init(name=f"run {number}") as run:
        for step in range(number + 1):
            everybatch.log(loss=step)
"""
    done = start("-c", code).wait()
    logs = [path.read_text() for path in sorted(done.folder.glob("log/*.log"))]
    assert [log.count("Batch Loss") for log in logs] == [1, 2, 3]
    assert all(said(log, "loop", name=f"run {number}") for number, log in enumerate(logs))


def test_before_a_run_there_is_nothing_to_log_to(start):
    done = start("-c", "import everybatch\neverybatch.log(loss=1)").wait()
    assert done.code == 1
    assert "everybatch.init()" in done.stderr.splitlines()[-1]
    assert not list(done.folder.glob(".everybatch"))


def test_the_package_of_that_name_is_still_one(start):
    code = (
        "import everybatch.log.catalogue as c, everybatch; print(everybatch.log.__name__, c.Catalogue('en').lang)"
    )
    assert start("-c", code).wait().stdout == "everybatch.log en\n"


# ---- resumed ----------------------------------------------------------------------------------------------

RESUMABLE = """
import everybatch, sys
first, last = int(sys.argv[1]), int(sys.argv[2])
run = everybatch.init(epochs=3, log_batch_metrics=True, **(dict(resume=sys.argv[3], step=first) if first else {}))
step = first
for epoch in run.epochs():
    for index in run.batches(range(step % 4, 4)):
        run.log(loss=step + first / 1000, lr=0.1)
        step += 1
        if step == last:
            sys.exit()
"""


def test_a_run_goes_on_behind_the_checkpoint_and_what_came_after_it_is_done_again(start):
    _, run = ended(start("-c", RESUMABLE, "0", "7"))
    assert run.state == "stopped"
    done = start("-c", RESUMABLE, "6", "0", run.run_id).wait()
    assert done.code == 0, done.stderr
    run = until(lambda: again if (again := run_of(done)).ended else None)
    assert (run.state, run.content["attempt"]) == ("finished", 2)
    rows = done.rows("batch")
    assert [(int(row["epoch"]), int(row["batch"])) for row in rows] == [
        (epoch, batch) for epoch in (1, 2, 3) for batch in range(4)
    ]
    assert [float(row["loss"]) for row in rows] == [
        *range(6),
        *(pytest.approx(step + 0.006) for step in range(6, 12)),
    ]
    assert [row["status"] for row in done.rows("epoch")] == ["completed"] * 3
    assert len(done.log_batch_lines()) == 13  # what was done is not taken back


def test_a_checkpoint_behind_what_was_recorded_is_in_the_epoch_that_the_loop_is_in(start):
    _, run = ended(start("-c", RESUMABLE, "0", "7"))
    done = start("-c", RESUMABLE, "10", "0", run.run_id).wait()
    assert done.code == 0, done.stderr
    until(lambda: again if (again := run_of(done)).ended else None)
    rows = [(int(row["epoch"]), int(row["batch"])) for row in done.rows("batch")]
    assert rows == [*((1, batch) for batch in range(4)), *((2, batch) for batch in range(3)), (3, 2), (3, 3)]


def test_a_run_that_is_not_there_goes_on_or_is_of_another_kind_is_one_error(start, tmp_path):
    done = start("-c", RESUMABLE, "6", "0", "20200101").wait()
    assert done.code == 1
    assert "ArgumentError" in done.stderr.splitlines()[-1]
    running = start("two_lines.py", SECONDS="0.05", EPOCHS="1000")
    run = run_of(running)
    until(lambda: "(1/5)" in running.log())
    done = start("-c", RESUMABLE, "6", "0", run.run_id).process
    _, stderr = done.communicate(timeout=60)
    assert done.returncode == 1
    assert run.run_id in stderr.splitlines()[-1]
    assert ask_run(run, "stop").taken
    running.wait()


def test_only_its_script_can_go_on_with_it(start):
    _, run = ended(start("-c", RESUMABLE, "0", "0"))
    done = start("-m", "everybatch", "train", "--no-tui", "--resume", run.run_id).wait()
    assert done.code == 2
    assert len(done.stderr.splitlines()) == 1
    assert said(done.stderr, "loop_resume_here", run=run.run_id)


# ---- below everybatch run ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("two_lines.py",), (*TORCHRUN, "two_lines_ddp.py")], ids=["alone", "torchrun"])
def test_below_everybatch_run_it_is_a_part_of_that_run_and_nothing_is_told_twice(start, command):
    done, run = ended(start("-m", "everybatch", "run", "--no-tui", "--log_batch_metrics", *command))
    assert (done.code, run.state, run.content["kind"]) == (0, "finished", "command"), done.stderr
    assert len(list(done.folder.glob(".everybatch/*"))) == 1
    losses = {}
    for one in told(done):
        if "loss" in one:
            losses.setdefault((one["epoch"], one.get("step", one.get("batch"))), []).append(one["loss"])
    rows = done.rows("batch")
    assert [float(row["loss"]) for row in rows] == pytest.approx(
        [sum(of_ranks) / len(of_ranks) for of_ranks in losses.values()], rel=1e-6
    )
    assert {row["tokens"] for row in rows} == ({"8"} if len(command) == 1 else {"20"})


def test_below_everybatch_run_what_came_before_two_lines_stands_before_it(start, tmp_path):
    (tmp_path / "both.py").write_text(
        (SCRIPTS / "own_loop.py").read_text() + (SCRIPTS / "two_lines.py").read_text()
    )
    done, run = ended(start("-m", "everybatch", "run", "--log_batch_metrics", str(tmp_path / "both.py")))
    assert (done.code, run.state) == (0, "finished"), done.stderr
    rows = [row for path in sorted(done.folder.glob("metrics/batch_*")) for row in csv.DictReader(path.open())]
    assert [int(row["step"]) for row in rows] == list(range(1, 31))
    assert [row.get("tokens") for row in rows] == [None] * 15 + ["8"] * 15
    assert [int(row["epoch"]) for row in rows[::5]] == [1, 2, 3, 4, 5, 6]


def test_below_everybatch_run_a_stop_is_agreed_on(start):
    command = ("-m", "everybatch", "run", "--log_batch_metrics", *TORCHRUN, "two_lines_ddp.py")
    running = start(*command, EPOCHS="1000", SECONDS="0.01")
    until(lambda: "Epoch [2/" in running.log())
    assert ask_run(run_of(running), "pause").taken
    until(lambda: said(running.log(), "pause_taken"))
    assert ask_run(run_of(running), "stop").taken
    done, run = ended(running)
    assert (done.code, run.state) == (0, "stopped"), done.stderr
    last = {one["last"] for one in told(done) if "last" in one}
    assert last == {done.counted()}


def test_below_everybatch_run_a_loop_that_never_looks_is_interrupted_when_asked_again(start):
    code = "import everybatch, time\nrun = everybatch.init()\nwhile True:\n run.log(loss=1)\n time.sleep(0.02)"
    running = start("-m", "everybatch", "run", sys.executable, "-c", code)
    until(lambda: "Batch Loss" in running.log())
    assert ask_run(run_of(running), "stop").taken
    until(lambda: said(running.log(), "stop_told_taken"))
    assert ask_run(run_of(running), "stop").taken
    done, run = ended(running)
    assert (done.code, run.state) == (128 + signal.SIGINT, "stopped")
    assert said(done.log(), "command_stop", signal="SIGINT")


def test_the_epochs_of_the_command_line_stand(start):
    done, _ = ended(start("-m", "everybatch", "run", "--epochs", "9", "two_lines.py"))
    assert [one.epochs for one in done.journal() if isinstance(one, RunStarted)] == [9]
    assert "Epoch [3/9]" in done.log_batch_lines()[-1]
