"""The examples, as somebody starts them; the README's commands are typed by tests/app/test_readme.py."""

import sys

import pytest
from everybatch.run.control_client import ask_run
from everybatch.run.registry import read_run

from .support import REPOSITORY, Running, until

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture
def start(tmp_path):
    """Start an example in an empty folder; whatever still runs at the end is killed."""
    started = []

    def begin(*command):
        started.append(Running([sys.executable, *map(str, command)], tmp_path, {"OMP_NUM_THREADS": "1"}))
        return started[-1]

    yield begin
    for one in started:
        one.end()


def the_run(running):
    """The run that it began, as others know it."""
    return until(lambda: next(filter(None, map(read_run, running.folder.glob(".everybatch/*"))), None))


def test_the_unchanged_script_trains_the_same_with_and_without_everybatch(start):
    bare = start(EXAMPLES / "unchanged.py").wait()
    done = start("-m", "everybatch", "run", "--log_batch_metrics", EXAMPLES / "unchanged.py").wait()
    assert (bare.code, done.code, done.stderr) == (0, 0, "")
    assert len(bare.stdout.splitlines()) == 5
    assert set(bare.stdout.splitlines()) < set(done.stdout.splitlines())
    assert done.counted() == 320
    assert float(done.rows("epoch")[-1]["avg_loss"]) < 0.5 * float(done.rows("epoch")[0]["avg_loss"])


def test_the_loop_stops_when_asked_and_goes_on_when_started_again(start):
    running = start(EXAMPLES / "own_loop.py")
    until(lambda: "Epoch [2/" in running.log())
    assert ask_run(the_run(running), "stop").taken
    assert running.wait().code == 0
    until(lambda: the_run(running).state == "stopped")
    assert (running.folder / "own_loop.pt").exists()
    done = start(EXAMPLES / "own_loop.py").wait()
    assert done.code == 0, done.stderr
    run = until(lambda: run if (run := the_run(done)).ended else None)
    assert (run.state, run.content["attempt"]) == ("finished", 2)
    epochs = done.rows("epoch")
    assert [row["status"] for row in epochs][-1] == "completed"
    assert {row["epoch"] for row in epochs} == set("12345")
    assert float(epochs[-1]["val_accuracy"]) > 0.9
    assert not (done.folder / "own_loop.pt").exists()


def test_the_ranks_of_torchrun_are_one_run(start):
    script = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", EXAMPLES / "ddp_torchrun.py")
    done = start(*script).wait()
    assert done.code == 0, done.stderr
    run = until(lambda: run if (run := the_run(done)).ended else None)
    assert (run.state, run.content["world_size"]) == ("finished", 2)
    epochs = done.rows("epoch")
    assert [(row["status"], row["samples"]) for row in epochs] == [("completed", "1024")] * 3
