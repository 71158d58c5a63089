"""The control socket: where it is, and what happens when somebody tidies it away."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
from everybatch.metrics.commands import Command
from everybatch.run.control_client import ask_run
from everybatch.run.control_server import ControlServer
from everybatch.run.protocol import Reply
from everybatch.run.registry import read_run

from .. import replay
from ..support import until


@pytest.fixture
def server():
    asked = []

    def handle(request):
        asked.append(request.command)
        return Reply(taken=True)

    made = ControlServer(handle)
    made.asked = asked
    yield made
    made.close()


def run_of(server, folder):
    private = replay.make_folder(folder)
    replay.write_run_json(private, world_size=1, control={"path": str(server.path), "token": server.token})
    return private


def test_a_socket_lies_where_its_path_is_short_enough(server, tmp_path, monkeypatch):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    server.open()
    assert len(os.fsencode(server.path)) < 100
    assert ask_run(read_run(run_of(server, tmp_path)), Command.SAVE).taken
    assert server.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("what", ["socket", "folder"])
def test_a_socket_that_was_removed_is_there_again_and_found(server, tmp_path, what):
    server.open()
    private = run_of(server, tmp_path)
    run = read_run(private)
    gone = server.path
    if what == "socket":
        gone.unlink()
    else:
        shutil.rmtree(gone.parent)
    assert server.keep()
    assert not server.keep()
    replay.write_run_json(private, world_size=1, control={"path": str(server.path), "token": server.token})
    assert ask_run(run, Command.STOP).taken  # of which the one who asks had read the old path
    assert server.asked == ["stop"]
    assert not gone.exists()


def test_a_server_that_was_closed_does_not_come_back(server):
    server.open()
    server.close()
    assert not server.keep()
    assert not server.path.exists()


HOLDER = """
import signal, sys, time, pathlib
from everybatch.run.run_lock import RunLock
signal.signal(signal.SIGTERM, lambda *_: (print("asked to stop", flush=True), sys.exit()))
with RunLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("own", [True, False], ids=["its own pid", "the pid of another process"])
def test_a_run_without_a_socket_is_stopped_by_a_signal_but_no_other_process_is(tmp_path, own):
    private = replay.make_folder(tmp_path, state="finished")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(private)], stdout=subprocess.PIPE, text=True)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert holder.stdout.readline() == "held\n"
        pid = holder.pid if own else other.pid
        replay.write_run_json(private, world_size=1, pid=pid, control={"path": str(tmp_path / "none"), "token": ""})
        reply = ask_run(read_run(private), Command.STOP)
        assert reply.taken == own
        if own:
            assert holder.stdout.readline() == "asked to stop\n"
        else:
            assert reply.reason
        assert other.poll() is None
        assert not ask_run(read_run(private), Command.PAUSE).taken
    finally:
        for process in (holder, other):
            process.kill()
            process.communicate()


def test_a_run_that_is_gone_is_a_reply(tmp_path):
    private = replay.make_folder(tmp_path, state="finished")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(private)], stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()
    replay.write_run_json(private, world_size=1, pid=holder.pid, control={"path": str(tmp_path / "none")})
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    until(lambda: read_run(private).state == "lost")
    assert not ask_run(read_run(private), Command.STOP).taken
