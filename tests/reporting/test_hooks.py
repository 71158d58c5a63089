"""Unchanged scripts, really run: what the hooks tell of them must be what the scripts themselves computed."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from everybatch.metrics.events import (
    BatchEvent,
    BatchValues,
    EpochBegan,
    EpochEnded,
    EpochTrained,
    Finished,
    Hello,
    RankFailed,
    Warned,
    decode_events,
)
from everybatch.metrics.records import UNKNOWN
from everybatch.run.command_run import STARTUP_FOLDER
from everybatch.run.listener import Listener

SCRIPTS = Path(__file__).parent.parent / "scripts"


class Watched:
    """A script that ran below the hooks: what it printed, and the events that came."""

    def __init__(self, *command: str, hooked: bool = True, env: dict[str, str] | None = None) -> None:
        queues = []
        listener = Listener(queues.append)
        path = os.pathsep.join([str(STARTUP_FOLDER), os.environ.get("PYTHONPATH", "")])
        told = {**listener.address.environment(), "PYTHONPATH": path} if hooked else {}
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=SCRIPTS,
            env={**os.environ, "OMP_NUM_THREADS": "1", **told, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events = []
        deadline = time.monotonic() + 120
        while process.poll() is None or not all(queue.ended for queue in queues):
            assert time.monotonic() < deadline
            for queue in list(queues):
                for message in queue.take():
                    self.events += decode_events(message)
            time.sleep(0.01)
        listener.close()
        self.stdout, self.stderr = process.communicate()
        self.code = process.returncode

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def told(self):
        """What the script says that its batches were."""
        return [json.loads(line) for line in self.stdout.splitlines() if line.startswith("{")]


def assert_same(watched):
    """Every batch as the script told it, in its order, and every epoch."""
    assert (watched.code, watched.stderr) == (0, "")
    told, batches = watched.told(), watched.of(BatchEvent)
    values = {event.step: event.values for event in watched.of(BatchValues)}
    assert told
    assert [(one["epoch"], one["batch"]) for one in told] == [(event.epoch, event.batch) for event in batches]
    assert [event.step for event in batches] == list(range(1, len(told) + 1))
    for one, event in zip(told, batches, strict=True):
        assert event.loss == pytest.approx(one["loss"], rel=1e-6)
        assert event.lr == pytest.approx(one["lr"])
        assert event.samples == one["samples"]
        assert values.get(event.step, {}) == pytest.approx(one["values"], rel=1e-6)
    epochs = {one["epoch"]: one["batches"] or UNKNOWN for one in told}
    planned = {event.epoch: event.batches for event in watched.of(EpochBegan)}
    assert planned | {event.epoch: event.batches for event in watched.of(EpochTrained)} == epochs
    ends, all_of_them = [event.epoch for event in watched.of(EpochEnded)], list(epochs)
    # Whether one without a known length is complete is told by how the command ends.
    assert ends == all_of_them or (ends == all_of_them[:-1] and epochs[all_of_them[-1]] == UNKNOWN)
    assert [type(watched.events[0]), type(watched.events[-1])] == [Hello, Finished]


@pytest.mark.parametrize(
    "script",
    [
        ("own_loop.py",),
        ("validation_with_grad.py",),
        ("accumulation.py", "by number"),
        pytest.param(("accumulation.py", "by factor"), marks=pytest.mark.slow),
        pytest.param(("accumulation.py", "by tensor"), marks=pytest.mark.slow),
        ("accumulation.py", "twice"),
        ("accumulation.py", "not"),
        ("adversary.py", "optimizer"),
        pytest.param(("adversary.py", "model"), marks=pytest.mark.slow),
        ("checkpointed.py",),
        ("closure.py",),
        ("critic.py",),
        ("detection.py",),
        ("far.py",),
        ("gan.py",),
        ("lists.py",),
        ("look_ahead.py",),
        ("no_loader.py",),
        pytest.param(("not_exhausted.py",), marks=pytest.mark.slow),
        ("odd_length.py",),
        ("one_loss_two_optimizers.py",),
        ("scaler.py",),
        ("stream.py",),
        ("-W", "error", "strict.py"),
        ("subclasses.py",),
        ("skips.py",),
        pytest.param(("sweep.py",), marks=pytest.mark.slow),
        ("three_optimizers.py",),
        ("trainer.py",),
        pytest.param(("variants.py", "default device"), marks=pytest.mark.slow),
        pytest.param(("variants.py", "float64"), marks=pytest.mark.slow),
        ("variants.py", "foreach"),
        pytest.param(("variants.py", "fused"), marks=pytest.mark.slow),
        ("variants.py", "of one element"),
        pytest.param(("variants.py", "retained"), marks=pytest.mark.slow),
        pytest.param(("variants.py", "zeroed"), marks=pytest.mark.slow),
        ("workers.py",),
    ],
    ids=" ".join,
)
def test_every_batch_is_what_the_script_computed(script):
    assert_same(Watched(*script))


@pytest.mark.parametrize(
    "script",
    [
        ("own_loop.py",),
        ("gan.py",),
        ("accumulation.py", "by number"),
        ("scaler.py",),
        ("closure.py",),
        ("recomputed.py",),
    ],
    ids=" ".join,
)
def test_the_training_is_bit_for_bit_what_it_is_without_hooks(script):
    bare, hooked = Watched(*script, hooked=False), Watched(*script)
    assert bare.events == []
    assert (bare.stdout, bare.stderr) == (hooked.stdout, hooked.stderr)
    assert "weights" in hooked.stdout


def test_a_compiled_step_is_seen_and_compiled_as_it_is_without_hooks():
    quiet = {"TORCH_LOGS": "-all"}
    bare, hooked = Watched("compiled.py", hooked=False, env=quiet), Watched("compiled.py", env=quiet)
    assert bare.stdout == hooked.stdout
    assert [event.loss for event in hooked.of(BatchEvent)] == pytest.approx([one["loss"] for one in hooked.told()])


def test_odd_uses_go_as_they_go_without_hooks():
    bare, hooked = Watched("odd_uses.py", hooked=False), Watched("odd_uses.py")
    assert hooked.stdout.splitlines() == bare.stdout.splitlines()
    assert hooked.stderr.splitlines() == bare.stderr.splitlines()
    assert hooked.code == bare.code == 0
    assert len(hooked.of(BatchEvent)) == 23


def test_an_exception_is_the_last_word(tmp_path):
    (tmp_path / "fails.py").write_text(
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        + (SCRIPTS / "own_loop.py").read_text().replace("    schedule.step()", "    raise ValueError('no more')")
    )
    watched = Watched(str(tmp_path / "fails.py"))
    assert watched.code == 1
    (failed,) = watched.of(RankFailed)
    assert (failed.error, failed.message) == ("ValueError", "no more")
    assert "fails.py" in failed.traceback
    assert "ValueError: no more" in watched.stderr
    assert len(watched.of(BatchEvent)) == 5


def kinds(watched):
    """What was said of the training, with its fields."""
    return [(event.kind, event.fields) for event in watched.of(Warned)]


@pytest.mark.parametrize("method", ["spawn", pytest.param("fork", marks=pytest.mark.slow)])
def test_ranks_that_torch_starts_say_how_they_end(method):
    watched = Watched("spawned.py", method, "well")
    assert (watched.code, len(watched.told())) == (0, 10)
    assert sorted(event.rank for event in watched.of(BatchEvent)) == [0] * 5 + [1] * 5
    assert sorted(event.rank for event in watched.of(Finished)) == [0, 1]
    watched = Watched("spawned.py", method, "fails")
    (failed,) = watched.of(RankFailed)
    assert (failed.rank, failed.error, failed.message) == (1, "ValueError", "no more")


@pytest.mark.parametrize(
    ("way", "code", "last"),
    [
        ("sys.exit", 3, "Finished"),
        ("os._exit", 4, "EpochEnded"),
        ("KeyboardInterrupt", -2, "RankFailed"),
        ("excepthook", 1, "RankFailed"),
        ("thread", 0, "Finished"),
        ("fork", 0, "Finished"),
    ],
)
def test_a_process_ends_as_it_would_without_hooks(way, code, last):
    watched = Watched("endings.py", way)
    assert watched.code == code
    assert len(watched.of(BatchEvent)) == 5
    assert len(watched.told()) == (10 if way == "fork" else 5)
    if way != "os._exit":  # which leaves what was not sent yet
        assert type(watched.events[-1]).__name__ == last
    errors = [(event.error, event.message) for event in watched.of(RankFailed)]
    assert errors == {
        "KeyboardInterrupt": [("KeyboardInterrupt", "")],
        "excepthook": [("ValueError", "hidden")],
    }.get(way, [])
    assert kinds(watched) == ([("thread_failed", {"error": "ValueError: in a thread"})] if way == "thread" else [])


@pytest.mark.parametrize(
    ("way", "kind"), [("by_hand", "no_steps"), ("without_backward", "no_losses"), ("of_many_numbers", "no_losses")]
)
def test_a_training_that_cannot_be_seen_is_said_to_be_one(way, kind):
    watched = Watched("unseen.py", way)
    assert (watched.code, watched.stderr) == (0, "")
    assert watched.of(BatchEvent) == []
    assert kinds(watched) == [(kind, {})]


def test_a_fault_of_ours_is_said_once_and_the_training_goes_on():
    watched = Watched("unseen.py", "with_a_fault")
    assert (watched.code, watched.stderr, len(watched.told())) == (0, "", 5)
    assert kinds(watched) == [("hook_failed", {"error": "LookupError: no batch"})]
    assert len(watched.of(BatchEvent)) == 2


def test_an_epoch_that_is_only_known_to_have_ended_by_the_next_one_has_no_part_of_that():
    ends = Watched("not_exhausted.py").of(EpochEnded)
    assert all(event.train_seconds >= 0.3 for event in ends)
    assert all(event.epoch_seconds - event.train_seconds < 0.3 for event in ends)  # which the next batch takes


def test_only_what_the_training_waits_for_itself_is_its_wait_for_data():
    watched = Watched("waits.py")
    assert_same(watched)
    waits = [event.data_wait_seconds for event in watched.of(BatchEvent)]
    assert max(waits[:5]) < 1  # which is what each validation waits
    assert min(waits[5:10]) >= 0.1
    assert all(map(math.isnan, waits[10:]))


def test_skipped_steps_are_said():
    watched = Watched("scaler.py")
    assert kinds(watched) == [
        ("step_skipped", {"epoch": 1, "batch": 0}),
        ("steps_skipped", {"epoch": 1, "count": 2}),
        ("steps_skipped", {"epoch": 2, "count": 1}),
    ]


def test_another_training_is_said_to_be_one():
    assert kinds(Watched("sweep.py")) == [("another_training", {"epoch": 3}), ("another_training", {"epoch": 5})]


def test_it_is_said_whose_the_loss_of_another_optimizer_is():
    (told,) = Watched("gan.py").of(Warned)
    assert (told.kind, told.level) == ("loss_of", "info")
    assert told.fields == {"name": "loss_2", "number": 2, "optimizer": "SGD", "tensors": 2}


def test_a_mean_of_losses_as_they_were_given_is_said_to_be_one():
    assert kinds(Watched("accumulation.py", "not")) == [("loss_as_given", {"batches": 4})]
    assert kinds(Watched("accumulation.py", "by number")) == []


def test_a_script_that_does_not_train_reports_nothing():
    watched = Watched("-c", "import torch; print(torch.ones(2).sum())")
    assert (watched.code, watched.stderr, watched.events) == (0, "", [])


def test_a_sitecustomize_of_the_user_still_runs_and_may_ask_where_torch_is(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\nprint(importlib.util.find_spec('torch').name)\n"
    )
    path = os.pathsep.join([str(STARTUP_FOLDER), str(tmp_path), os.environ.get("PYTHONPATH", "")])
    watched = Watched("own_loop.py", env={"PYTHONPATH": path})
    assert watched.stdout.startswith("torch\n")
    assert len(watched.of(BatchEvent)) == 15


def test_a_recorder_that_is_not_there_is_one_warning(tmp_path):
    watched = Watched("own_loop.py", env={"EVERYBATCH_SOCKET": str(tmp_path / "nothing")})
    assert watched.code == 0
    assert len(watched.told()) == 15
    assert watched.stderr.count("everybatch: this training is not watched any more") == 1
    assert len(watched.stderr.splitlines()) == 1


def test_a_loss_that_is_no_number_is_told(tmp_path):
    (tmp_path / "nan.py").write_text(
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        + (SCRIPTS / "own_loop.py")
        .read_text()
        .replace("loss = mean_squared(net, batch)", "loss = mean_squared(net, batch) * float('nan')")
    )
    losses = [event.loss for event in Watched(str(tmp_path / "nan.py")).of(BatchEvent)]
    assert len(losses) == 15
    assert all(map(math.isnan, losses))
