"""Files that cannot be written: nothing stops, and what was lost is said. The disks really are full."""

import json
import os
import resource
import time

import psutil
import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.run.run_folder import RunFolder
from everybatch.run.sinks import Sinks

from ..replay import records
from ..support import only, said, until


@pytest.fixture
def limited(start, tiny):
    """A run in its first epoch whose files cannot grow any more, and the function that gives them room again."""

    def begin(*flags):
        run = start(*tiny, "--epochs", "6", "--log_batch_metrics", *flags, env={"TINY_SECONDS": "0.03"})
        until(lambda: "(5/12)" in run.log())
        process = psutil.Process(run.process.pid)
        # The hard limit stays, so that the soft one may go up again. Python ignores SIGXFSZ: a write gives EFBIG.
        soft_and_hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (500, soft_and_hard[1]))
        return run, lambda: process.rlimit(psutil.RLIMIT_FSIZE, soft_and_hard)

    return begin


def test_full_files_stop_nothing_and_get_everything_once_there_is_room(limited, tmp_path):
    run, give_room = limited()
    out = []
    while "[3/6]" not in "".join(out):  # the console shows that training goes on
        out.append(run.process.stdout.readline())
    assert said("".join(out), "file_trouble")
    assert "[1/6]" in run.log()
    assert "[2/6]" not in run.log()  # the disk is full
    give_room()
    done = run.wait()
    assert (done.code, done.stderr) == (0, "")
    assert done.counted() == 72
    assert len(done.rows("epoch")) == 6
    assert said(done.log(), "file_recovered")
    assert sum(type(record).__name__ == "BatchRecord" for record in done.journal()) == 72


def test_rows_that_are_lost_for_good_are_said(limited, tmp_path):
    run, _ = limited("--lang", "en")
    done = run.wait()
    assert done.code == 0  # the training itself did what it should
    for name in ("training_", "batch_metrics_", "journal"):
        (line,) = [line for line in done.stderr.splitlines() if name in line and "could never be written" in line]
        assert int(line.split(" lost ")[1].split()[0]) > 50
    assert "Epoch [6/6] completed" in done.stdout


@pytest.mark.parametrize("name", ["log", "epoch", "batch", "journal"])
def test_a_full_disk_under_one_file_leaves_the_others_alone(tmp_path, name):
    folder = RunFolder.create(tmp_path, time.localtime())
    told = []
    sinks = Sinks(
        folder, ("dice",), (), Catalogue("zh"), lambda kind, level, **fields: told.append(kind),
        log_batch_metrics=True, stdout=None,
    )  # fmt: skip
    paths = {"log": folder.log, "epoch": folder.epoch_csv, "batch": folder.batch_csv, "journal": folder.journal}
    (file,) = [file for file in sinks._files if file.path == paths[name]]
    good, full = os.dup(file._fd), os.open("/dev/full", os.O_WRONLY)
    written = list(records(400))

    def write(part):
        for record in part:
            sinks.record(record)
            sinks.line(type(record).__name__, console=False)
        sinks.flush(sync=True)

    write(written[:150])
    sizes = {key: path.stat().st_size for key, path in paths.items()}
    os.dup2(full, file._fd)
    write(written[150:300])
    assert told == ["file_trouble"]
    grown = {key for key, path in paths.items() if path.stat().st_size > sizes[key]}
    assert grown == paths.keys() - {name}
    os.dup2(good, file._fd)
    until(lambda: sinks.flush() or "file_recovered" in told)
    write(written[300:])
    assert sinks.close() == {}
    assert len(folder.log.read_text().splitlines()) == len(written)
    kinds = [type(record).__name__ for record in written]
    assert len(folder.batch_csv.read_text().splitlines()) == 1 + kinds.count("BatchRecord")
    assert len(folder.epoch_csv.read_text().splitlines()) == 1 + kinds.count("EpochSummary")


def test_checkpoints_that_cannot_be_written_are_said_and_training_goes_on(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "3", "--log_batch_metrics", env={"TINY_SECONDS": "0.05"})
    until(lambda: said(run.log(), "saved_last"))
    folder = only(tmp_path, "checkpoints/*")
    folder.rename(tmp_path / "moved")
    folder.write_text("a file where the folder was: nobody, not even root, can write below it")
    done = run.wait()
    assert done.code == 0
    assert said(done.stdout, "save_failed")
    assert done.counted() == 36


@pytest.mark.slow
def test_a_checkpoint_folder_that_was_tidied_up_comes_back(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "3", env={"TINY_SECONDS": "0.05"})
    until(lambda: said(run.log(), "saved_last"))
    only(tmp_path, "checkpoints/*").rename(tmp_path / "moved")
    assert run.wait().code == 0
    assert only(tmp_path, "checkpoints/*/last.pt").exists()


def test_a_full_disk_under_the_checkpoints_leaves_the_last_one(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "4", "--log_batch_metrics", env={"TINY_SECONDS": "0.05"})
    until(lambda: said(run.log(), "saved_last"))
    rank_0 = run.ranks()[0]
    rank_0.rlimit(psutil.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    until(lambda: said(run.log(), "save_failed"))
    last = only(tmp_path, "checkpoints/*/last.pt")
    data = last.read_bytes()
    done = run.wait()
    assert done.code == 0
    assert last.read_bytes() == data
    assert not list(tmp_path.glob("checkpoints/*/*.tmp"))
    assert done.counted() == 48


@pytest.mark.slow
def test_a_private_folder_that_was_moved_away_comes_back(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "3", "--log_batch_metrics", env={"TINY_SECONDS": "0.1"})
    until(lambda: "(5/12)" in run.log())
    private = only(tmp_path, ".everybatch/*")
    private.rename(tmp_path / "moved")  # run.json has no folder any more, and the journal no name
    done = run.wait()
    assert (done.code, done.stderr) == (0, "")
    assert done.counted() == 36
    assert sum(type(record).__name__ == "BatchRecord" for record in done.journal()) == 36
    assert json.loads((private / "run.json").read_text())["state"] == "finished"
    assert (private.stat().st_mode & 0o777, (private / "lock").exists()) == (0o700, True)


def test_the_console_goes_on_after_a_full_disk(start, tiny, tmp_path):
    with (tmp_path / "nohup.out").open("wb") as out:
        run = start(*tiny, "--epochs", "6", env={"TINY_SECONDS": "0.05"}, stdout=out)
    until(lambda: "(5/12)" in run.log())
    process = psutil.Process(run.process.pid)
    soft_and_hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (500, soft_and_hard[1]))
    until(lambda: list(tmp_path.glob("checkpoints/*/last.pt")))  # the ranks, whose disk has room, did an epoch
    assert "完成" not in (tmp_path / "nohup.out").read_text()
    process.rlimit(psutil.RLIMIT_FSIZE, soft_and_hard)
    done = run.wait()
    assert (done.code, done.stderr) == (0, "")
    shown = (tmp_path / "nohup.out").read_text().splitlines()
    assert sum(" - Batch Loss: " in line for line in shown) == 72
    assert "训练完成" in "".join(shown[-2:])
