"""Runs that are resumed: after a stop, after a kill, with files that suffered meanwhile."""

import os
import pickle
import shutil
import signal
import zipfile

import pytest
import torch

from ..kill_points import FLAGS, Story, finish, killed_and_resumed, uninterrupted
from ..kill_points import start as start_run
from ..support import DEADLINE, REPOSITORY, only, said, until

BY_BATCHES = (("--nproc", "2", "--save_every", "5batches"), {"NOISY_SECONDS": "0.01"})
BY_EPOCHS = (("--nproc", "2", "--save_every", "1", "--workers", "1"), {"NOISY_SECONDS": "0.01", "NOISY_VAL": "1"})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What runs leave that nobody interrupts."""
    stories = {}

    def story(flags, env):
        key = (flags, tuple(env.items()))
        if key not in stories:
            stories[key] = uninterrupted(tmp_path_factory.mktemp("whole"), *flags, **env)
        return stories[key]

    return story


@pytest.mark.parametrize(("way", "seed"), [(BY_BATCHES, 5), pytest.param(BY_EPOCHS, 2, marks=pytest.mark.slow)])
def test_killed_anywhere_and_resumed_is_as_never_killed_bit_for_bit(whole, tmp_path, way, seed):
    flags, env = way
    story, told = killed_and_resumed(tmp_path, seed, *flags, **env)
    assert story == whole(flags, env), told


def test_stopped_in_the_middle_and_resumed_is_as_never_stopped(whole, tmp_path):
    flags, env = BY_EPOCHS
    run = start_run(tmp_path, *FLAGS, *flags, **env)
    until(lambda: "[2/4]" in run.log() and "(6/12)" in run.log().partition("[2/4]")[2])
    run.send(signal.SIGTERM)
    assert finish(run).code == 143
    done = finish(start_run(tmp_path, "--resume", **env))
    assert done.code == 0
    assert Story.of(done) == whole(flags, env)
    # no batch was done twice, so no line and no record stands there twice
    assert len(done.log_batch_lines()) == 48
    assert said(done.stdout, "resumed", attempt=2)
    attempts = [row["attempt"] for row in done.rows("epoch")]
    assert attempts == sorted(attempts)
    assert {row["attempt"] for row in done.rows("batch")} == {"1", "2"}


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    """The folder of a run of three epochs that was stopped in the middle of the second."""
    folder = tmp_path_factory.mktemp("stopped")
    shutil.copy(REPOSITORY / "tests" / "tiny.py", folder)
    flags = ("--task", "tiny:Tiny", "--nproc", "2", "--lr", "0.1", "--epochs", "3", "--log_batch_metrics")
    run = start_run(folder, *flags, TINY_SECONDS="0.05")
    until(lambda: "(5/12)" in run.log().partition("[2/3]")[2])
    run.send(signal.SIGINT)
    assert finish(run).code == 130
    return folder


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """The same in this test's own folder."""
    shutil.copytree(
        stopped_once, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("state", "__pycache__")
    )
    return tmp_path


def snapshot(folder):
    """Every file but the lock, which names who held it last."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    return {path: path.read_bytes() for path in files if "__pycache__" not in str(path)}


def test_what_contradicts_the_checkpoint_is_refused_and_nothing_is_touched(stopped, train, tmp_path):
    before = snapshot(tmp_path)
    for flags, words in [
        (("--task", "phantoms"), "--task tiny:Tiny → phantoms"),
        (("--seed", "1"), "--seed 0 → 1"),
        (("--batch_size", "8"), "--batch_size 4 → 8"),
        (("--nproc", "1"), "--nproc 2 → 1"),
    ]:
        run = train("--resume", *flags)
        assert (run.code, run.stdout) == (2, "")
        assert words in run.stderr
        assert run.stderr.count("\n") == 1
    assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_ranks_and_batch_size_may_change_between_epochs_and_the_rate_anywhere(start, train, tiny, tmp_path):
    run = train(*tiny, "--epochs", "1", "--log_batch_metrics")
    assert run.code == 0
    run = train("--resume", "--epochs", "2", "--nproc", "1", "--batch_size", "8", "--lr", "0.05")
    assert run.code == 0, run.stderr
    for flag, old, new in (("epochs", 1, 2), ("nproc", 2, 1), ("batch_size", 4, 8), ("lr", 0.1, 0.05)):
        assert said(run.stdout, "config_changed", flag=f"--{flag}", old=old, new=new)
    rows = run.rows("batch")
    assert [(row["epoch"], row["samples"], row["lr"]) for row in rows] == [("1", "8", "0.1")] * 12 + [
        ("2", "8", "0.05")
    ] * 12
    assert [row["world_size"] for row in run.rows("epoch")] == ["2", "1"]


def test_a_run_that_lives_or_has_finished_is_not_resumed(start, train, tiny):
    run = start(*tiny, "--epochs", "1", "--lang", "en", env={"TINY_SECONDS": "0.2"})
    until(lambda: "(2/12)" in run.log())
    second = train("--resume", "--lang", "en")
    assert second.code == 2
    assert "still goes on; watch it with everybatch attach" in second.stderr
    assert run.wait().code == 0
    third = train("--resume", "latest", "--lang", "en")
    assert third.code == 2
    assert "has done all of its 1 epoch; raise --epochs" in third.stderr


@pytest.mark.slow
def test_two_that_resume_at_once_do_not_share_a_run(stopped, start, tiny):
    runs = [start("--resume", env={"TINY_SECONDS": "0.05"}) for _ in range(2)]
    codes = []
    for run in runs:
        run.process.communicate(timeout=DEADLINE)
        codes.append(run.process.returncode)
    assert sorted(codes) == [0, 2]


@pytest.mark.parametrize("asked", ["nothing", "20000101"])
def test_a_run_that_is_not_there(train, asked):
    run = train("--resume", asked, "--lang", "en")
    assert (run.code, run.stdout, run.stderr) == (
        2,
        "",
        f"error: no run begins with {asked}; everybatch runs lists them\n",
    )


@pytest.mark.slow
def test_a_torn_checkpoint_is_said_and_the_last_good_one_used(stopped, train, tmp_path):
    last = only(tmp_path, "checkpoints/*/last.pt")
    last.write_bytes(last.read_bytes()[:-3000])
    run = train("--resume")
    assert run.code == 0
    assert said(run.stdout, "checkpoint_damaged", path=last.relative_to(tmp_path))
    best = last.with_name("best.pt").relative_to(tmp_path)
    assert said(run.stdout, "resumed", attempt=2, path=best, epoch=2, batch=0)
    rows = run.rows("batch")
    assert [int(row["step"]) for row in rows] == list(range(1, 37))
    assert [row["attempt"] for row in rows] == ["1"] * 12 + ["2"] * 24
    assert said(run.stdout, "csv_dropped")
    assert only(tmp_path, "metrics/batch_*.csv.bak").exists()


@pytest.mark.slow
def test_a_flipped_bit_in_a_checkpoint_is_found(stopped, train, tmp_path):
    last = only(tmp_path, "checkpoints/*/last.pt")
    with zipfile.ZipFile(last) as archive:
        place = next(entry for entry in archive.infolist() if "/data/" in entry.filename)
    data = bytearray(last.read_bytes())
    data[place.header_offset + 200] ^= 1
    last.write_bytes(data)
    run = train("--resume")
    assert run.code == 0
    assert said(run.stdout, "checkpoint_damaged", path=last.relative_to(tmp_path))


class Bomb:
    def __reduce__(self):
        return (os.system, ("touch exploded",))


def test_a_hostile_checkpoint_runs_no_code(stopped, train, tmp_path):
    for kind in ("last", "best"):
        torch.save({"format": 2, "bomb": Bomb()}, only(tmp_path, f"checkpoints/*/{kind}.pt"))
    run = train("--resume")
    assert run.code == 0
    assert not (tmp_path / "exploded").exists()
    assert said(run.stdout, "resumed_from_nothing", attempt=2)
    assert [int(row["step"]) for row in run.rows("batch")] == list(range(1, 37))
    only(tmp_path, "checkpoints/*/last.pt").write_bytes(pickle.dumps(Bomb()))
    assert train("--resume", "--epochs", "4").code == 0
    assert not (tmp_path / "exploded").exists()


@pytest.mark.slow
def test_a_checkpoint_of_another_model_is_said(stopped, train, tmp_path):
    with (tmp_path / "tiny.py").open("a") as task:
        task.write("\n\nclass Tiny(Tiny):\n    def model(self):\n        return nn.Sequential(super().model())\n")
    run = train("--resume")
    assert run.code == 2
    assert said(run.stderr, "resume_model")


def test_torn_files_are_repaired_and_lose_nothing(stopped, train, tmp_path):
    batches, epochs = only(tmp_path, "metrics/batch_*.csv"), only(tmp_path, "metrics/epoch_*.csv")
    journal, log = only(tmp_path, ".everybatch/*/journal"), only(tmp_path, "log/*.log")
    batches.write_bytes(batches.read_bytes()[:-7])
    epochs.write_text(epochs.read_text().splitlines(keepends=True)[0])  # its rows are gone
    journal.write_bytes(journal.read_bytes()[:-200])
    log.write_bytes(log.read_bytes()[: log.read_bytes().rindex(b"Batch Loss") + 5])
    run = train("--resume")
    assert run.code == 0, run.stderr
    assert said(run.stdout, "csv_damaged", path=batches.relative_to(tmp_path), count=1)
    assert [int(row["step"]) for row in run.rows("batch")] == list(range(1, 37))
    assert [(row["epoch"], row["status"]) for row in run.rows("epoch")] == [
        (epoch, "completed") for epoch in ("1", "2", "3")
    ]
    assert [line.split("(")[1].split("/")[0] for line in run.log_batch_lines()] == [str(i % 12) for i in range(36)]
    steps = [record.step for record in run.journal() if type(record).__name__ == "BatchRecord"]
    assert steps == list(range(1, 37))


@pytest.mark.slow
def test_a_journal_with_a_damaged_middle_is_used_as_far_as_it_goes(stopped, train, tmp_path):
    journal = only(tmp_path, ".everybatch/*/journal")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = os.urandom(40)
    journal.write_bytes(data)
    run = train("--resume")
    assert run.code == 0
    assert said(run.stdout, "journal_damaged", path=journal.relative_to(tmp_path))
    assert [int(row["step"]) for row in run.rows("batch")] == list(range(1, 37))


@pytest.mark.slow
def test_other_columns_get_a_file_of_their_own(stopped, train, tmp_path):
    batches = only(tmp_path, "metrics/batch_*.csv")
    old = batches.read_text().replace("rank_loss", "loss_of_rank")
    batches.write_text(old)
    run = train("--resume")
    assert run.code == 0
    part = only(tmp_path, "metrics/batch_*_part2.csv")
    assert said(run.stdout, "csv_header", path=batches.relative_to(tmp_path), other=part.relative_to(tmp_path))
    assert batches.read_text() == old
    steps = [int(line.split(",")[2]) for line in part.read_text().splitlines()[1:]]
    assert steps == list(range(steps[0], 37))


def test_rows_asked_for_later_come_from_the_journal(stopped, train, tmp_path):
    only(tmp_path, "metrics/batch_*.csv").unlink()
    run = train("--resume")
    assert run.code == 0
    assert [int(row["step"]) for row in run.rows("batch")] == list(range(1, 37))


@pytest.mark.slow
def test_a_run_is_resumed_from_any_folder_by_its_beginning(stopped, start, tmp_path):
    private = only(tmp_path, ".everybatch/*")
    index = tmp_path / "state" / "everybatch" / "runs"
    index.mkdir(parents=True)
    (index / "one").write_text(f"{private}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(tmp_path / "tiny.py", elsewhere)
    run = start("--resume", private.name[:13], cwd=elsewhere)
    done = run.wait()
    assert done.code == 0, done.stderr
    assert len(done.rows("batch")) == 36
    assert [path.name for path in elsewhere.iterdir() if path.name != "__pycache__"] == ["tiny.py"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("save_every", "saves"),
    [("2", ["2", "4", "5"]), ("24batches", ["2", "4", "5"]), ("100batches", ["5"])],
)
def test_a_checkpoint_as_often_as_asked_for_and_at_the_end(train, tiny, save_every, saves):
    run = train(*tiny, "--epochs", "5", "--save_every", save_every, "--lr", "1e-9")
    assert run.code == 0
    saved, epoch = [], 1
    for line in run.stdout.splitlines():
        epoch = int(line.split("[")[1].split("/")[0]) if line.startswith("Epoch [") else epoch
        if said(line, "saved_last") and not said(line, "saved_best"):
            saved.append(str(epoch))
    # a checkpoint after the last batch of an epoch is told before the epoch is
    assert saved == saves


@pytest.mark.parametrize("text", ["0", "x", "5 minutes", "-1", "1.5"])
def test_a_rhythm_that_makes_no_sense_is_refused(train, text):
    run = train("--save_every", text, "--lang", "en")
    assert run.code == 2
    assert f"--save_every: cannot use {text}" in run.stderr
