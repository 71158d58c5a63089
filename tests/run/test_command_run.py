"""``everybatch run CMD``: real commands, as a person types them."""

import json
import re
import signal
import sys
from pathlib import Path

import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.commands import Command
from everybatch.metrics.records import BatchRecord, Notice, RunStarted
from everybatch.run.control_client import ask_run
from everybatch.run.registry import read_run

from ..support import Running, only, said, until

SCRIPTS = Path(__file__).parent.parent / "scripts"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


@pytest.fixture
def run(tmp_path):
    """Start ``everybatch run`` with a command in an empty folder; whatever still runs at the end is killed."""
    started = []

    def begin(*arguments, env=None, **options):
        command = [sys.executable, "-m", "everybatch", "run", *arguments]
        started.append(Running(command, tmp_path, {"PYTHONUNBUFFERED": "", **(env or {})}, **options))
        return started[-1]

    yield begin
    for one in started:
        one.end()


def told(done):
    """What the script says of its batches, by epoch and batch: the losses of its ranks."""
    losses = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            one = json.loads(line)
            losses.setdefault((one["epoch"], one["batch"]), []).append(one["loss"])
    return losses


def test_a_script_is_shown_batch_by_batch_and_all_files_are_written(run):
    done = run("--log_batch_metrics", str(SCRIPTS / "own_loop.py")).wait()
    assert (done.code, done.stderr) == (0, "")
    losses = told(done)
    assert len(losses) == 15
    lines = [
        f"Epoch [{epoch}/?] - 进度 {20 * batch:.1f}% ({batch}/5) - Batch Loss: {loss:.6f}"
        f" - LR: {0.1 / 2 ** (epoch - 1):.8f}"
        for (epoch, batch), (loss,) in losses.items()
    ]
    assert done.batch_lines() == done.log_batch_lines() == lines
    assert [float(row["loss"]) for row in done.rows("batch")] == pytest.approx(
        [loss for (loss,) in losses.values()]
    )
    assert [(row["epoch"], row["status"], row["eta_hours"]) for row in done.rows("epoch")] == [
        (str(epoch), "completed", "") for epoch in (1, 2, 3)
    ]
    output = only(done.folder, ".everybatch/*/output.log").read_text()
    assert output == "".join(line + "\n" for line in done.stdout.splitlines() if line.startswith(("{", "weights")))
    assert not (done.folder / "checkpoints").exists()


@pytest.mark.parametrize("script", ["ddp.py", "fsdp.py"])
def test_both_ranks_of_torchrun_are_merged(run, script):
    done = run("--epochs", "2", *TORCHRUN, str(SCRIPTS / script)).wait()
    assert done.code == 0, done.stderr
    losses = told(done)
    assert {len(of_ranks) for of_ranks in losses.values()} == {2}
    shown = [
        re.search(r"Epoch \[(\d)/2\] .* \((\d)/5\) - Batch Loss: (\S+)", line).groups()
        for line in done.batch_lines()
    ]
    assert [(int(epoch), int(batch)) for epoch, batch, _ in shown] == list(losses)
    for (_, _, loss), of_ranks in zip(shown, losses.values(), strict=True):
        assert float(loss) == pytest.approx(sum(of_ranks) / 2, abs=1e-6)
    content = json.loads(only(done.folder, ".everybatch/*/run.json").read_text())
    assert (content["state"], content["world_size"]) == ("finished", 2)


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"SECONDS": "0.05"}, marks=pytest.mark.slow),
        pytest.param({"SECONDS": "1"}, marks=pytest.mark.slow),
        {"SECONDS": "1", "WORKERS": "1"},
    ],
    ids=["the other raises", "the launcher ends the other", "with loader workers"],
)
def test_a_killed_rank_is_named(run, env):
    done = run(*TORCHRUN, str(SCRIPTS / "ddp.py"), env={"KILLED": "1@2", **env}).wait()
    assert done.code == 1
    assert said(done.stderr, "command_rank_lost", code=1, rank=1)


@pytest.mark.parametrize(
    ("code", "end"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137), ("os.kill(os.getpid(), 40)", 168)]
)
def test_the_exit_code_is_handed_on_and_a_signal_is_named(run, code, end):
    done = run(sys.executable, "-c", f"import os, sys; {code}").wait()
    assert done.code == end
    assert ("SIGKILL" in done.stderr) == (end == 137)
    assert read_run(only(done.folder, ".everybatch/*")).state == "failed"


def test_what_is_raised_long_after_a_stop_that_was_ignored_is_a_failure(tmp_path):
    program = "from everybatch.app.command_line import main; from everybatch.run import foreign_endings; import sys"
    patience = "foreign_endings.STOP_SECONDS = 0.1; sys.exit(main(['run', *sys.argv[1:]]))"
    (tmp_path / "ignores.py").write_text("""
import pathlib, signal, time, torch
signal.signal(signal.SIGINT, signal.SIG_IGN)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
while not pathlib.Path("go").exists():
    model(torch.ones(4)).mean().backward()
    optimizer.step()
    time.sleep(0.05)
raise ValueError("no more")
""")
    running = Running([sys.executable, "-c", f"{program}; {patience}", "ignores.py"], tmp_path, {})
    until(lambda: "Batch Loss" in running.log())
    running.send(signal.SIGINT)
    until(lambda: said(running.log(), "command_stop", signal="SIGINT"))
    seen = running.log().count("Batch Loss")
    until(lambda: running.log().count("Batch Loss") > seen + 4)
    (tmp_path / "go").touch()
    done = running.wait()
    assert (done.code, read_run(only(tmp_path, ".everybatch/*")).state) == (1, "failed")
    assert "ValueError: no more" in done.stderr


def test_of_trainings_at_once_the_first_is_shown_and_those_behind_one_another_are_counted_further(run, tmp_path):
    (tmp_path / "one.py").write_text("""
import pathlib, sys, time, torch
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for batch in torch.utils.data.DataLoader([torch.ones(4)] * 4):
    model(batch).mean().backward()
    optimizer.step()
    pathlib.Path("began").touch()
while len(sys.argv) > 1 and not pathlib.Path("over").exists():
    time.sleep(0.05)
""")
    one, wait = f"{sys.executable} one.py", "until [ -e began ]; do sleep 0.05; done"
    done = run("sh", "-c", f"{one} waits & {wait}; {one}; touch over; wait; {one}").wait()
    assert done.code == 0, done.stderr
    assert [(int(row["epoch"]), row["status"]) for row in done.rows("epoch")] == [
        (1, "completed"),
        (2, "completed"),
    ]
    records = done.journal()
    assert [record.step for record in records if isinstance(record, BatchRecord)] == list(range(1, 9))
    kinds = [record.kind for record in records if isinstance(record, Notice) and record.kind.startswith("rank")]
    assert kinds == ["rank_twice", "ranks_again"]


def test_ranks_that_were_started_again_agree_on_a_stop_as_the_first_ones_would(run, tmp_path):
    (tmp_path / "loop.py").write_text("""
import sys, time, everybatch
with everybatch.init() as run:
    while not run.stop_asked:
        run.log(loss=0.5)
        time.sleep(0.02)
        if sys.argv[1:] and run.step == 3:
            raise ValueError("starts again")
    print("asked to stop", flush=True)
""")
    python = sys.executable
    running = run("bash", "-c", f"{python} loop.py fails; {python} loop.py")
    until(lambda: said(running.log(), "ranks_again") and "(9/?)" in running.log())
    running.send(signal.SIGINT)
    done = running.wait()
    assert "asked to stop" in done.stdout
    assert said(running.log(), "stop_told_taken")
    assert not said(running.log(), "not_agreed")
    assert read_run(only(tmp_path, ".everybatch/*")).state == "stopped"


@pytest.mark.parametrize(
    ("data", "status"),
    [("torch.utils.data.DataLoader([torch.ones(4)] * 9)", "stopped"), ("[torch.ones(4)] * 9", "failed")],
    ids=["loader", "no loader"],
)
def test_an_epoch_that_the_end_of_the_script_cuts_is_not_complete(run, data, status):
    code = f"""
import sys, torch
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for index, batch in enumerate({data}):
    optimizer.zero_grad()
    model(batch).mean().backward()
    optimizer.step()
    if index == 3:
        sys.exit(1)
"""
    done = run(sys.executable, "-c", code).wait()
    assert (done.code, len(done.log_batch_lines())) == (1, 4)
    assert [row["status"] for row in done.rows("epoch")] == [status]


@pytest.mark.parametrize("before", ["", "import everybatch; everybatch.init(); "], ids=["unwatched", "watched"])
def test_what_a_script_raises_before_its_first_batch_is_kept_and_its_end_handed_on(run, before):
    done = run(sys.executable, "-c", f"{before}raise ValueError('too early')").wait()
    output = only(done.folder, ".everybatch/*/output.log").read_text()
    assert (done.code, read_run(only(done.folder, ".everybatch/*")).state) == (1, "failed")
    assert output.startswith("Traceback (most recent call last):\n")
    assert output.endswith("ValueError: too early\n")
    assert output in done.stderr


def test_the_exit_code_is_handed_on_where_nothing_can_be_printed(run):
    with Path("/dev/full").open("w") as full:
        done = run(sys.executable, "-c", "raise SystemExit(3)", stdout=full, stderr=full).wait()
    assert (done.code, read_run(only(done.folder, ".everybatch/*")).state) == (3, "failed")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("true",), "no_batch_python"),
        ((sys.executable, "-I", "-c", "import torch"), "no_batch_python"),
        ((sys.executable, "-c", "pass"), "no_batch_torch"),
        ((sys.executable, "-c", "import torch"), "no_batch_loss"),
        ((sys.executable, str(SCRIPTS / "unseen.py"), "by_hand"), "no_batch_step"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[-2:]),
)
def test_a_command_without_batches_says_why_there_are_none(run, command, kind):
    done = run(*command).wait()
    assert (done.code, done.stderr) == (0, "")
    assert Catalogue("zh").text(kind) in done.stdout.splitlines()


def test_python_prints_line_by_line_into_the_output_and_as_ever_into_a_pipe_of_the_command(run):
    look = f"{sys.executable} -c 'import sys; print(sys.stdout.line_buffering)'"
    done = run("sh", "-c", f"{look}; {look} | cat").wait()
    assert only(done.folder, ".everybatch/*/output.log").read_text() == "True\nFalse\n"


def test_a_command_without_hooks_is_said_to_be_one_while_it_goes_on(run, tmp_path):
    program = "from everybatch.app.command_line import main; from everybatch.run import command_run; import sys"
    patience = "command_run.LET_IN_SECONDS = 0.1; sys.exit(main(['run', *sys.argv[1:]]))"
    waits = "until cat log/training_*.log | grep -q -- -I; do sleep 0.05; done"
    (tmp_path / "waits.sh").write_text(waits)
    running = Running([sys.executable, "-c", f"{program}; {patience}", "sh", "waits.sh"], tmp_path, {})
    assert Catalogue("zh").text("not_let_in", seconds=0) in running.wait().stdout


def test_the_steps_of_a_training_are_told(run):
    done = run("--steps", "6", "--log_batch_metrics", str(SCRIPTS / "no_loader.py")).wait()
    (started,) = [record for record in done.journal() if isinstance(record, RunStarted)]
    assert (started.steps, started.epochs) == (6, 0)
    assert {row["data_wait_seconds"] for kind in ("batch", "epoch") for row in done.rows(kind)} == {""}  # no loader
    assert said(done.log(), "throughput_unknown_only")


def test_a_command_tells_whether_its_ranks_listen(run, tmp_path):
    def told():
        return read_run(only(tmp_path, ".everybatch/*"))

    running = run(str(SCRIPTS / "asked.py"))
    until(lambda: "Batch Loss" in running.log() and told().takes(Command.SAVE))
    assert ask_run(told(), "save").taken
    assert ask_run(told(), "stop_after_epoch").taken
    running.wait()
    assert not told().takes(Command.SAVE)


def test_a_stop_ends_the_command_though_it_is_suspended(run, tmp_path):
    running = run(*TORCHRUN, str(SCRIPTS / "ddp.py"), env={"EPOCHS": "1000", "SECONDS": "0.05"})
    until(lambda: "(4/5)" in running.log())
    watched = read_run(only(tmp_path, ".everybatch/*"))
    assert not watched.takes(Command.SAVE)
    assert not ask_run(watched, "save").taken
    assert ask_run(watched, "pause").taken
    until(lambda: said(running.log(), "command_paused"))
    running.send(signal.SIGINT)
    done = running.wait()
    assert done.code != 0
    assert read_run(only(tmp_path, ".everybatch/*")).state == "stopped"
    assert Catalogue("zh").text("command_stop", signal="SIGINT") in done.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "usage"),
        (("--epochs", "3"), "run needs a command"),
        (("no-such-command",), "there is no command no-such-command"),
        (("no_such_file.py",), "there is no command no_such_file.py"),
        (("./plain",), "./plain is not executable"),
        (("--epochs", "-1", "true"), "--epochs: must be at least 0, got -1"),
        (("--steps", "-1", "true"), "--steps: must be at least 0, got -1"),
        (("--steps", "5", "--epochs", "2", "true"), "give --epochs or --steps, not both"),
        (("--nproc", "2", "true"), "unknown flag --nproc"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(run, tmp_path, arguments, problem):
    (tmp_path / "plain").write_text("echo\n")
    done = run(*arguments, env={"EVERYBATCH_LANG": "en"}).wait()
    assert done.code == 2
    assert problem in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".everybatch").exists()
