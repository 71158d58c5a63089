"""Which run is meant, from whatever folder, and what the registry remembers."""

import json
import os
import time

import pytest
from everybatch.errors import UsageError
from everybatch.run.registry import all_runs, find_run, first_run, register
from everybatch.run.resume import find_resumable
from everybatch.run.run_folder import RunFolder
from everybatch.run.run_lock import RunLock

from .. import replay
from ..support import as_nobody


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A registry of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "everybatch" / "runs"


def make(root, run_id, *, at, state="finished"):
    folder = RunFolder(root, run_id)
    folder.private.mkdir(parents=True)
    replay.write_run_json(folder.private, world_size=1, state=state)
    path = folder.private / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "started_at": at}))
    if state == "running":
        RunLock(folder.private).acquire()
    register(folder)
    return folder


def ids(runs):
    return [run.run_id for run in runs]


def test_a_run_that_is_absent_for_a_while_is_not_forgotten(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    share = tmp_path / "mnt" / "share"
    make(share / "project", "20261101_000000", at=1.0)
    assert ids(all_runs()) == ["20261101_000000"]
    for part in (share, share / "project", share / "project" / ".everybatch" / "20261101_000000"):
        hidden = part.rename(tmp_path / "away")
        assert all_runs() == []
        hidden.rename(part)
        assert ids(all_runs()) == ["20261101_000000"]


def test_a_run_that_goes_on_has_one_entry(tmp_path, state):
    folder = make(tmp_path / "a", "20261101_000000", at=1.0)
    register(folder)
    register(RunFolder(tmp_path / "a" / ".." / "a", "20261101_000000"))
    assert len(list(state.iterdir())) <= 2


def test_entries_that_nobody_can_read_are_passed_over(tmp_path, state, monkeypatch):
    monkeypatch.chdir("/")
    make(tmp_path / "a", "20261101_000000", at=1.0)
    (state / "empty").touch()
    (state / "folder").mkdir()
    (state / "long").write_text("/x" * 5000)
    (state / "bytes").write_bytes(b"/\xff\xfe\x00\n")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (state / "loop").write_text(str(tmp_path / "loop" / ".everybatch" / "x"))
    assert ids(all_runs()) == ["20261101_000000"]


def test_thousands_of_entries_that_lead_nowhere_cost_no_time(tmp_path, state, monkeypatch):
    for number in range(300):
        make(tmp_path / f"project{number % 7}", f"20261101_{number:06}", at=float(number))
    for number in range(3000):
        gone = tmp_path / ("project1" if number % 2 else f"gone{number % 50}") / ".everybatch" / f"old_{number}"
        (state / f"old_{number}").write_text(f"{gone}\n")
    monkeypatch.chdir("/")
    began = time.process_time()
    assert len(all_runs()) == 300
    assert time.process_time() - began < 0.3


def test_the_runs_of_this_folder_come_before_newer_ones_of_others(tmp_path, monkeypatch):
    here, other = tmp_path / "here", tmp_path / "other"
    make(here, "20261101_000000", at=1.0)
    make(here, "20261102_000000", at=2.0)
    make(here / "below", "20261103_000000", at=3.0)
    make(other, "20261104_000000", at=4.0, state="running")
    make(other, "20261105_000000", at=5.0)
    for folder, first in (
        (here, "20261102_000000"),
        (here / "below", "20261103_000000"),
        (other, "20261104_000000"),
    ):
        monkeypatch.chdir(folder)
        assert find_run(None).run_id == first
        if first != "20261104_000000":  # which goes on
            assert find_resumable("latest", tmp_path / "nothing", take_over=False).run_id == first
    monkeypatch.chdir(tmp_path)  # all are below
    assert find_run(None).run_id == "20261104_000000"
    monkeypatch.chdir("/")
    assert first_run(all_runs()).run_id == "20261104_000000"


def test_a_live_run_of_this_folder_comes_before_a_newer_one_of_it(tmp_path, monkeypatch):
    make(tmp_path, "20261101_000000", at=1.0, state="running")
    make(tmp_path, "20261102_000000", at=2.0)
    monkeypatch.chdir(tmp_path)
    assert find_run(None).run_id == "20261101_000000"


def test_one_id_in_two_folders_is_that_of_this_folder(tmp_path, monkeypatch):
    for name in ("here", "other"):
        make(tmp_path / name, "20261101_000000", at=1.0)
    monkeypatch.chdir(tmp_path / "here")
    assert find_run("20261101_000000").folder.root == tmp_path / "here"
    assert find_run("2026").folder.root == tmp_path / "here"
    monkeypatch.chdir("/")
    with pytest.raises(UsageError) as refused:
        find_run("20261101_000000")
    assert str(tmp_path / "other") in refused.value.fields["runs"]


def test_a_folder_reached_by_a_link_is_this_folder_too(tmp_path, monkeypatch):
    make(tmp_path / "real", "20261101_000000", at=1.0)
    make(tmp_path / "other", "20261102_000000", at=2.0)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "link")
    assert find_run(None).run_id == "20261101_000000"


@pytest.mark.parametrize("asked", ["x" * 5000, "x/" * 3000, "\x00", "~nobody/x"])
def test_names_that_no_file_can_have_are_a_mistake_in_one_line(asked):
    with pytest.raises(UsageError):
        find_run(asked)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("home", [None, "/nonexistent", "another user's", ""])
def test_without_a_home_folder_the_runs_of_this_folder_are_found(tmp_path, monkeypatch, home):
    monkeypatch.delenv("XDG_STATE_HOME")
    theirs = tmp_path / "theirs"
    (theirs / ".local" / "state" / "everybatch" / "runs").mkdir(parents=True)
    theirs.chmod(0o700)
    here = tmp_path / "here"
    here.mkdir(mode=0o777)
    here.chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o755)
    monkeypatch.chdir(here)
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", str(theirs) if home == "another user's" else home)

    with as_nobody():
        folder = RunFolder(here, "20261101_000000")
        folder.private.mkdir(parents=True)
        replay.write_run_json(folder.private, world_size=1, state="finished")
        with pytest.raises(OSError, match=r"\w"):
            register(folder)
        assert ids(all_runs()) == [folder.run_id]
