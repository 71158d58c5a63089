"""Runs in places that lack something, and runs that lose something on the way."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from everybatch.metrics.records import BatchRecord

from ..support import REPOSITORY, only, until


def everybatch(folder, *arguments, **env):
    return subprocess.run(
        [sys.executable, "-m", "everybatch", *arguments],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state"), "EVERYBATCH_LANG": "en", **env},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_a_run_with_a_long_temporary_folder_and_no_home_is_stopped_after_its_socket_was_tidied_away(
    start, tiny, tmp_path
):
    long = tmp_path / ("x" * 60) / ("y" * 60)
    long.mkdir(parents=True)
    away = {"HOME": "/proc/nowhere", "XDG_STATE_HOME": "/proc/nowhere"}
    env = {**away, "TMPDIR": str(long), "PYTHONIOENCODING": "ascii", "TINY_SECONDS": "0.05"}
    run = start(*tiny, "--epochs", "1000", "--workers", "1", env=env)
    until(lambda: "(5/12)" in run.log())
    private = only(tmp_path, ".everybatch/*")
    path = json.loads((private / "run.json").read_text())["control"]["path"]
    shutil.rmtree(Path(path).parent)
    (private / "run.json").unlink()
    until(lambda: (private / "run.json").exists(), 10)
    stopped = everybatch(tmp_path, "stop", **away)
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert f"Run {private.name} ({tmp_path}) will save and stop" in stopped.stdout
    done = run.wait()
    assert done.code == 0
    (warning,) = done.stderr.splitlines()
    assert "attach" in warning  # it could not be registered
    assert json.loads((private / "run.json").read_text())["state"] == "stopped"


@pytest.mark.slow
def test_a_run_that_goes_on_elsewhere_is_taken_over_by_a_flag_and_ends_there(start, tiny, tmp_path):
    run = start(*tiny, "--epochs", "1000", "--log_batch_metrics", env={"TINY_SECONDS": "0.2"})
    until(lambda: "(2/12)" in run.log().partition("[2/1000]")[2])
    path = only(tmp_path, ".everybatch/*/run.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "boot_id": "another kernel", "host": "node7"}))
    train = (str(REPOSITORY / "src" / "train_ddp.py"), "--resume", "latest", "--lang", "en")
    refused = subprocess.run(
        [sys.executable, *train], cwd=tmp_path, env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert "node7" in line
    assert "--take_over" in line
    assert run.process.poll() is None
    done = start("--resume", "--take-over", "--epochs", "40", env={"TINY_SECONDS": "0"}).wait()
    assert (done.code, done.stderr) == (0, "")
    run.process.wait(20)
    assert run.process.returncode == 1
    assert "接管" in run.process.stderr.read()
    assert [int(row["step"]) for row in done.rows("batch")] == list(range(1, 481))
    assert [row["epoch"] for row in done.rows("epoch")] == [str(epoch) for epoch in range(1, 41)]
    steps = [record.step for record in done.journal() if isinstance(record, BatchRecord) and record.attempt == 2]
    assert steps == list(range(steps[0], 481))
    assert json.loads(path.read_text())["state"] == "finished"


def test_a_command_is_watched_with_a_long_temporary_folder(tmp_path):
    long = tmp_path / ("x" * 60) / ("y" * 60)
    long.mkdir(parents=True)
    code = "import everybatch; everybatch.init().log(loss=1)"
    done = everybatch(tmp_path, "run", sys.executable, "-c", code, TMPDIR=str(long))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Batch Loss: 1.0" in only(tmp_path, "log/training_*.log").read_text()
