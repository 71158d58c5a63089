"""Whether a run lives, by locks that are really held and processes that are really killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from everybatch.app.command_line import main
from everybatch.errors import UsageError
from everybatch.run.liveness import holds_lock, judge, lock_of, this_boot
from everybatch.run.registry import read_run
from everybatch.run.resume import find_resumable
from everybatch.run.run_lock import RunLock

from .. import replay
from ..support import until

DAY = 86_400
ELSEWHERE = "00000000-0000-0000-0000-000000000000"

HOLDER = """
import sys, time, pathlib
from everybatch.run.run_lock import RunLock
with RunLock(pathlib.Path(sys.argv[1])) as lock:
    print("held", flush=True)
    while lock.keep():
        time.sleep(0.1)
print("taken over", flush=True)
"""


@pytest.fixture
def private(tmp_path):
    """The private folder of a run that says it is running, which nobody holds yet."""
    folder = replay.make_folder(tmp_path, state="finished")
    replay.write_run_json(folder, world_size=1, state="running")
    return folder


@pytest.fixture
def holder(private):
    """A process that holds the lock of the run."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(private)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def tell(private, **content):
    path = private / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **content}))


def silence(private, seconds):
    """Make the files look as if nothing was heard of the run for so long."""
    at = time.time() - seconds
    for name in ("lock", "journal"):
        os.utime(private / name, (at, at))


def test_a_process_that_holds_the_lock_lives_whatever_names_and_clocks_say(private, holder, monkeypatch):
    tell(private, host="another", pid=1, process_started_at=0.0)
    for step in (0, 5, -5, DAY, -DAY):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda at=now + step: at)
        assert read_run(private).state == "running"
        monkeypatch.undo()
    silence(private, 2 * DAY)
    assert read_run(private).state == "running"
    with pytest.raises(UsageError) as refused:
        find_resumable(str(private), private, take_over=True)
    assert refused.value.key == "resume_live"


def test_a_process_that_was_killed_is_lost_at_once_whatever_its_host_is_called(private, holder):
    tell(private, host="another")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert read_run(private).state == "lost"
    find_resumable(str(private), private, take_over=False)


def test_a_suspended_process_still_lives(private, holder):
    holder.send_signal(signal.SIGSTOP)
    silence(private, DAY)
    assert read_run(private).state == "running"


@pytest.mark.parametrize(("seconds", "state"), [(0, "running"), (60, "silent"), (1000, "lost")])
@pytest.mark.parametrize("held", [False, True])
def test_a_run_of_another_machine_is_judged_by_its_silence(private, holder, seconds, state, held):
    """Its lock may be invisible here, and a file server may keep that of a machine that is gone."""
    if not held:
        holder.kill()
        holder.wait()
    else:
        holder.send_signal(signal.SIGSTOP)
    tell(private, boot_id=ELSEWHERE)
    silence(private, seconds)
    run = read_run(private)
    assert run.state == state
    assert not run.liveness.certain
    if state == "lost":
        find_resumable(str(private), private, take_over=False)
    else:
        with pytest.raises(UsageError) as refused:
            find_resumable(str(private), private, take_over=False)
        assert refused.value.key == "resume_elsewhere"
        assert refused.value.fields["seconds"] >= seconds - 1
    find_resumable(str(private), private, take_over=True)


def test_a_clock_of_ours_that_is_wrong_by_a_day_does_not_change_what_another_machine_is(private, monkeypatch):
    (private / "lock").touch()
    tell(private, boot_id=ELSEWHERE)
    now = time.time()
    for step in (DAY, -DAY):
        monkeypatch.setattr(time, "time", lambda at=now + step: at)
        assert read_run(private).state == "running"


def test_a_run_of_an_older_version_is_judged_by_its_lock_and_its_silence(private, holder):
    tell(private, boot_id=None)
    silence(private, DAY)
    assert judge(private, None).state == "running"
    holder.kill()
    holder.wait()
    assert read_run(private).state == "lost"
    silence(private, 60)
    assert read_run(private).state == "silent"


def test_a_lock_that_was_removed_comes_back_with_its_folder(private, holder, tmp_path):
    private.rename(tmp_path / "gone")
    until(lambda: lock_of(private) == "held")
    assert judge(private, this_boot()).state == "running"


def test_a_lock_file_that_was_replaced_by_a_copy_is_held_again(private, holder):
    copy = private / "copy"
    shutil.copy(private / "lock", copy)
    copy.rename(private / "lock")
    until(lambda: lock_of(private) == "held")


def test_a_lock_of_another_machine_is_taken_over_and_its_holder_ends(private, holder):
    with RunLock(private, elsewhere=True, take_over=True) as lock:
        assert holder.stdout.read() == "taken over\n"
        assert lock.keep()
        assert lock_of(private) == "held"


@pytest.mark.parametrize(("seconds", "elsewhere"), [(0, True), (1000, False), (60, True)])
def test_a_lock_is_only_replaced_where_its_holder_is_silent_for_long(private, holder, seconds, elsewhere):
    holder.send_signal(signal.SIGSTOP)
    silence(private, seconds)
    with pytest.raises(UsageError) as refused:
        RunLock(private, elsewhere=elsewhere).acquire()
    assert refused.value.key == "resume_live"
    silence(private, 1000)
    with RunLock(private, elsewhere=True), pytest.raises(UsageError):  # a second one that had looked before
        RunLock(private, elsewhere=True).acquire()


def test_a_held_lock_keeps_a_second_run_away_but_a_look_at_it_does_not(private, holder):
    with pytest.raises(UsageError) as refused:
        RunLock(private).acquire()
    assert refused.value.key == "resume_live"
    holder.kill()
    holder.wait()
    looking = subprocess.Popen(
        [sys.executable, "-c", "import sys, pathlib\nfrom everybatch.run.liveness import lock_of\n"
         "while True: lock_of(pathlib.Path(sys.argv[1]))", str(private)],
    )  # fmt: skip
    try:
        for _ in range(50):
            with RunLock(private):
                pass
    finally:
        looking.kill()
        looking.wait()


def test_only_the_holder_of_the_lock_is_told_by_its_pid(private, holder):
    assert holds_lock(private, holder.pid)
    assert not holds_lock(private, os.getpid())
    assert not holds_lock(private, 2**22)


@pytest.mark.parametrize("silent", [0, 60])
def test_a_run_of_another_machine_is_not_stopped_from_here_and_said_where_it_is(private, holder, capsys, silent):
    tell(private, boot_id=ELSEWHERE, host="node7", control={"path": "/tmp/none", "token": ""})
    silence(private, silent)
    holder.send_signal(signal.SIGSTOP)
    assert main(["stop", str(private), "--lang", "en"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "node7" in line
    assert main(["runs", "--lang", "en"]) == 0
    assert holder.poll() is None
