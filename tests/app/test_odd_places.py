"""Every command where something is missing: no home, no room, no reader, no UTF-8. One line or plain work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from everybatch.app.command_line import main
from everybatch.metrics.files.csv_rows import batch_header, batch_row, epoch_header, epoch_row
from everybatch.metrics.files.journal import encode_record
from everybatch.metrics.records import BatchRecord, EpochSummary, Notice
from everybatch.run.registry import register
from everybatch.run.run_folder import RunFolder

from .. import replay
from ..support import as_nobody

COMMANDS = {
    "help": ["--help"],
    "train help": ["train", "--help"],
    "analyze help": ["analyze", "--help"],
    "nothing": [],
    "mistake": ["train", "--epochz", "1"],
    "runs": ["runs"],
    "runs json": ["runs", "--json"],
    "attach": ["attach"],
    "stop": ["stop"],
    "resume": ["train", "--resume", "--no-tui"],
    "analyze": ["analyze"],
    "analyze json": ["analyze", "--json"],
    "analyze batches": ["analyze", "--batch_metrics", "--html"],
}
QUICK = sorted(COMMANDS.keys() - {"analyze", "analyze batches"})
CODES = {"nothing": 2, "mistake": 2, "attach": 2, "stop": 2, "resume": 2}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a run of 600 batches that is over, and nothing else of this user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    here = tmp_path / "实验 é"
    private = replay.make_folder(here, state="finished")
    run = RunFolder(here, private.name)
    for path in (run.log, run.epoch_csv):
        path.parent.mkdir()
    records = list(replay.records(600, epochs=3, start=1_000_000.0))
    run.journal.write_bytes(b"".join(map(encode_record, records)))
    run.log.touch()
    run.batch_csv.write_text(batch_header() + "".join(batch_row(r) for r in records if isinstance(r, BatchRecord)))
    epochs = [epoch_row(record, ("dice",)) for record in records if isinstance(record, EpochSummary)]
    run.epoch_csv.write_text(epoch_header(("dice",)) + "".join(epochs))
    register(run)
    return here


def call(name, folder, *, env=None, shell="", stdout=subprocess.PIPE, **options):
    """Run a command; without its streams in order there is a `shell` around it."""
    command = [sys.executable, "-m", "everybatch", *COMMANDS[name]]
    if shell:
        command = ["bash", "-c", shell, "bash", *command]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        **options,
    )


def plain(done, name, code=None):
    """No traceback; what went wrong is one line."""
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert b"Error" not in done.stderr, done.stderr.decode()
    assert done.returncode == (CODES.get(name, 0) if code is None else code), done.stderr
    assert done.stderr.count(b"\n") <= 1 or name == "nothing", done.stderr.decode()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"HOME": "", "XDG_STATE_HOME": "not absolute"},
        {"HOME": "/proc/nowhere", "XDG_STATE_HOME": "/proc/nowhere"},
    ],
    ids=["ascii", "C", "no home", "unwritable home"],
)
def test_an_odd_environment_is_no_matter(folder, name, env):
    done = call(name, folder, env=env)
    plain(done, name)
    if "json" in name:
        told = json.loads(done.stdout)
        told = told[0] if isinstance(told, list) else told
        if name == "runs json":
            assert os.fsencode(told["folder"]) == os.fsencode(folder)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("closed", ["<&- >&-", ">&- 2>&-"])
def test_closed_streams_are_no_matter(folder, name, closed):
    plain(call(name, folder, shell=f'"$@" {closed}'), name)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in CODES])
def test_a_reader_that_leaves_ends_a_command_without_a_word(folder, name):
    reader, writer = os.pipe()
    os.close(reader)
    done = call(name, folder, stdout=writer)
    os.close(writer)
    plain(done, name, 141)
    assert done.stderr == b""


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in CODES])
def test_a_full_disk_under_what_is_printed_is_one_line(folder, name):
    with Path("/dev/full").open("wb") as full:
        done = call(name, folder, stdout=full)
    plain(done, name, 1)
    assert b"stdout" in done.stderr


@pytest.mark.parametrize("name", QUICK)
def test_a_current_folder_that_was_removed_is_told(folder, tmp_path, name):
    (tmp_path / "gone").mkdir()
    done = call(name, tmp_path / "gone", shell='rmdir "$PWD"; "$@"')
    plain(done, name, 0 if name == "help" else 2)
    if name not in ("help", "nothing"):
        assert "当前目录已不存在" in done.stderr.decode()


@pytest.mark.parametrize("name", ["runs", "runs json", "stop", "analyze json"])
def test_a_folder_whose_name_is_no_text_is_shown_with_escapes(tmp_path, monkeypatch, name):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    here = tmp_path / os.fsdecode(b"\xff\xfe folder")
    private = replay.make_folder(here, state="finished")
    (private / "journal").write_bytes(encode_record(Notice("run_log", "info", {"path": str(here)})))
    register(RunFolder(here, private.name))
    done = call(name, here)
    plain(done, name)
    if name == "runs json":
        assert os.fsencode(json.loads(done.stdout)[0]["folder"]) == os.fsencode(here)
    elif name == "runs":
        assert b"\\udcff\\udcfe folder" in done.stdout


@pytest.mark.parametrize(
    "asked",
    ["x" * 5000, os.fsdecode(b"\xff/\xfe"), "/proc/self/fd/nothing", "a\nb"],
    ids=["long", "bytes", "nowhere", "lines"],
)
@pytest.mark.parametrize("command", ["attach", "stop", "analyze", "resume"])
def test_a_run_that_cannot_be_named_so_is_one_line(folder, command, asked):
    flags = ["train", "--no-tui", "--resume", asked] if command == "resume" else [command, asked]
    done = subprocess.run(
        [sys.executable, "-m", "everybatch", *flags], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    plain(done, command, 2)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_one_line(folder, tmp_path):
    secret = tmp_path / "secret"
    replay.make_folder(secret, state="finished")
    secret.chmod(0o700)
    for one in (tmp_path, *tmp_path.parents):
        if one.stat().st_mode & 0o077 == 0:
            one.chmod(0o755)

    def refused(run):
        for command in (["attach", run], ["stop", run], ["analyze", run], ["train", "--resume", run, "--no-tui"]):
            assert main(command) == 2

    refused(str(secret / "nothing"))  # and what the commands import is read by who can
    with as_nobody():
        refused(str(secret))
