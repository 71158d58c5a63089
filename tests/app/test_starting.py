"""What a person does while a run with a monitor starts: Ctrl-C, or a terminal that is closed."""

import json
import os
import signal
import sys

import psutil
import pytest
from everybatch.log.catalogue import Catalogue

from ..support import until
from .terminal import Terminal, kill_runs

CATALOGUE = Catalogue("zh")
CTRL_C = "\x03"
WAITING = """
    import os, time
    from pathlib import Path

    class Own(Tiny):
        def train_data(self):
            Path("tried").touch()
            while not os.path.exists("go"):
                time.sleep(0.01)
            return super().train_data()
"""


@pytest.fixture
def train(tmp_path):
    opened = []

    def start(*flags, **options):
        command = [sys.executable, "-m", "everybatch", "train", *flags]
        opened.append(Terminal(command, tmp_path, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.kill()
    kill_runs(tmp_path)


def processes_in(folder):
    """All that run in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            pass
    return found


def test_ctrl_c_before_the_run_begins_calls_it_off(train, own_task, tmp_path):
    shown = train(*own_task(WAITING))
    until(lambda: (tmp_path / "tried").exists())
    shown.type(CTRL_C)
    assert shown.wait() == 130
    until(lambda: not processes_in(tmp_path))
    assert not (tmp_path / ".everybatch").exists()
    assert "Traceback" not in shown.text()


def test_ctrl_c_while_the_monitor_starts_does_not_leave_a_run_that_nobody_watches(train, tiny, tmp_path):
    shown = train(*tiny, "--epochs", "1000", env={"TINY_SECONDS": "0.05"})
    shown.monitor()
    shown.type(CTRL_C)
    shown.shows("Batch Loss")
    shown.type("q")
    shown.shows(CATALOGUE.text("ui_quit_d"))
    shown.type("d")
    assert shown.wait() == 0
    assert CATALOGUE.text("run_goes_on", run=next((tmp_path / ".everybatch").iterdir()).name) in shown.text()


def test_a_starter_that_is_gone_before_the_run_begins_does_not_end_it(train, own_task, tmp_path):
    shown = train(*own_task(WAITING), "--epochs", "2")
    until(lambda: (tmp_path / "tried").exists())
    os.kill(shown.pid, signal.SIGKILL)
    shown.wait()
    (tmp_path / "go").touch()

    def finished():
        states = [json.loads(path.read_text()).get("state") for path in tmp_path.glob(".everybatch/*/run.json")]
        return states == ["finished"]

    until(finished)
