"""The monitor in a real terminal: signals, a terminal that stalls or goes away, runs that outlive it."""

import itertools
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import psutil
import pytest
from everybatch.log.catalogue import Catalogue

from .. import replay
from ..support import REPOSITORY, said, until
from .terminal import Terminal, kill_runs

ENTERS_SCREEN = "\x1b[?1049h"
LEAVES_SCREEN = "\x1b[?1049l"
CATALOGUE = Catalogue("zh")
HELP = CATALOGUE.text("ui_help_title")


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def start(*command, **options):
        opened.append(Terminal([sys.executable, *command], tmp_path, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.kill()
    kill_runs(tmp_path)


@pytest.fixture
def watching(tmp_path, terminal):
    """A monitor on a made-up run, that already draws."""
    private = replay.make_folder(tmp_path)
    replay.write(private, 300, float("inf"))

    def start(**options):
        shown = terminal("-m", "everybatch", "attach", str(tmp_path), **options)
        shown.shows("Batch Loss")
        return shown

    return start


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_to_the_monitor_restores_the_terminal(watching, number, code):
    shown = watching()
    shown.monitor().send_signal(number)
    assert shown.wait() == code
    assert shown.output.rindex(LEAVES_SCREEN) > shown.output.rindex(ENTERS_SCREEN)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT, signal.SIGUSR1])
def test_a_monitor_that_is_killed_leaves_a_usable_terminal(watching, number):
    shown = watching()
    before = termios.tcgetattr(shown.fd)
    shown.monitor().send_signal(number)
    assert shown.wait() == 1
    assert shown.output.rindex(LEAVES_SCREEN) > shown.output.rindex(ENTERS_SCREEN)
    assert number.name in shown.text()
    assert "everybatch attach" in shown.text()
    assert termios.tcgetattr(shown.fd)[3] & termios.ECHO
    assert not before[3] & termios.ECHO  # it was raw while the monitor ran


def test_ctrl_q_leaves_and_says_how_to_come_back(watching):
    shown = watching()
    shown.type("\x11")
    assert shown.wait() == 0
    assert CATALOGUE.text("run_goes_on", run="20261124_120000") in shown.text()
    assert "log/training_20261124_120000.log" in shown.text()


def test_ctrl_z_gives_the_shell_back_and_fg_returns(watching):
    shown = watching()
    shown.type("\x1a")
    until(lambda: psutil.Process(shown.pid).status() == psutil.STATUS_STOPPED)  # the shell would have its prompt
    until(lambda: LEAVES_SCREEN in shown.output)
    seen = len(shown.output)
    shown.monitor().send_signal(signal.SIGCONT)
    os.kill(shown.pid, signal.SIGCONT)
    until(lambda: "Batch Loss" in shown.output[seen:])
    shown.type("\x11")
    assert shown.wait() == 0


def test_a_monitor_that_was_stopped_goes_on_with_as_many_threads(watching):
    shown = watching()
    monitor = shown.monitor()
    threads = monitor.num_threads()
    for _ in range(3):
        seen = len(shown.output)
        monitor.send_signal(signal.SIGSTOP)
        until(lambda: monitor.status() == psutil.STATUS_STOPPED)
        monitor.send_signal(signal.SIGCONT)
        until(lambda seen=seen: "Batch Loss" in shown.output[seen:])
    assert monitor.num_threads() <= threads + 1  # the one that samples the system may be new
    os.kill(shown.pid, signal.SIGCONT)  # it stopped with its monitor
    shown.type("\x11")
    assert shown.wait() == 0


def test_a_closed_terminal_ends_the_monitor_without_a_busy_loop(watching):
    shown = watching()
    monitor = shown.monitor()
    shown.close()
    until(lambda: not monitor.is_running() or monitor.status() == psutil.STATUS_ZOMBIE)


def test_a_terminal_that_vanished_without_a_hangup_ends_the_monitor(tmp_path):
    """As after a lost link: the session lives on elsewhere, so there is no SIGHUP, only an end of file."""
    private = replay.make_folder(tmp_path)
    replay.write(private, 300, float("inf"))
    ours, theirs = pty.openpty()
    monitor = subprocess.Popen(
        [sys.executable, "-m", "everybatch.app.watch", str(private)],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    until(lambda: b"\x1b[?1049h" in os.read(ours, 1 << 16))
    os.close(ours)
    until(lambda: monitor.poll() is not None)


def test_a_terminal_that_stalls_goes_on_when_it_reads_again(watching):
    shown = watching()
    shown.stalled.clear()
    widths = itertools.cycle(range(100, 140))
    end = os.open(psutil.Process(shown.pid).terminal(), os.O_WRONLY | os.O_NOCTTY)

    def full():
        shown.resize(next(widths), 40)
        return not select.select([], [end], [], 0)[1]

    until(full)
    os.close(end)
    shown.stalled.set()
    seen = len(shown.output)
    shown.type("?")
    until(lambda: HELP in shown.output[seen:])
    shown.type("\x11")
    assert shown.wait() == 0


def test_sizes_down_to_nothing_are_survived(watching):
    shown = watching()
    monitor = shown.monitor()
    for size in ((1, 1), (2, 5), (20, 3), (0, 0), (80, 24)):
        written = monitor.io_counters().write_chars
        shown.resize(*size)
        until(lambda written=written: monitor.io_counters().write_chars > written)
    seen = len(shown.output)
    shown.type("?")
    until(lambda: HELP in shown.output[seen:])


def test_without_a_terminal_attach_says_where_the_log_is(tmp_path):
    replay.make_folder(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "everybatch", "attach", str(tmp_path), "--lang", "en"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no terminal here" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_mistake_with_a_terminal_is_one_line_too(terminal):
    shown = terminal(str(REPOSITORY / "src" / "train_ddp.py"), "--task", "nonsense:A", "--lang", "en")
    assert shown.wait() == 2
    assert "error: --task: cannot import nonsense:A" in shown.text()
    assert "Traceback" not in shown.text()
    assert ENTERS_SCREEN not in shown.output


def run_json(folder):
    (path,) = folder.glob(".everybatch/*/run.json")
    return json.loads(path.read_text())


def test_a_run_outlives_its_monitor_and_its_terminal_and_is_come_back_to(terminal, tmp_path, tiny):
    env = {"TINY_SECONDS": "0.05"}
    train = str(REPOSITORY / "src" / "train_ddp.py")
    shown = terminal(train, *tiny, "--epochs", "1000", "--log_batch_metrics", env=env)
    shown.shows(CATALOGUE.text("stage_importing"))
    shown.shows("Batch Loss")
    shown.type("+")
    shown.shows(CATALOGUE.text("ui_log", interval=2))
    shown.type("p")
    until(lambda: said(log_of(tmp_path), "pause_taken"))
    paused_at = batch_lines(tmp_path)
    shown.type("s")
    shown.type("p")
    until(lambda: said(log_of(tmp_path), "resume_taken") and batch_lines(tmp_path) > paused_at)
    assert said(log_of(tmp_path), "save_taken")
    shown.type("q")
    shown.shows(CATALOGUE.text("ui_quit_d"))
    shown.type("d")
    assert shown.wait() == 0
    assert "everybatch attach" in shown.text()

    again = terminal("-m", "everybatch", "attach", env=env)
    again.shows("Batch Loss")
    again.type("/")  # the whole history is there
    again.shows(CATALOGUE.text("ui_search_label"))
    (paused,) = said(log_of(tmp_path), "pause_taken")
    again.type(paused)
    again.shows(paused)
    seen = len(again.output)
    again.type("\r")
    until(lambda: paused in again.text(seen))
    monitor = again.monitor()
    monitor.kill()
    again.close()

    assert run_json(tmp_path)["state"] == "running"
    run_id = run_json(tmp_path)["run_id"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "EVERYBATCH_LANG": "en"}
    listed = subprocess.run(
        [sys.executable, "-m", "everybatch", "runs", "--json"],
        cwd="/", env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (row,) = json.loads(listed.stdout)
    assert (row["run"], row["state"], row["task"], row["ranks"]) == (run_id, "running", "tiny:Tiny", 2)
    stopped = subprocess.run(
        [sys.executable, "-m", "everybatch", "stop", run_id[:8]],
        cwd="/", env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "will save and stop" in stopped.stdout
    until(lambda: run_json(tmp_path)["state"] == "stopped")
    (csv,) = tmp_path.glob("metrics/batch_metrics_*.csv")
    assert len(csv.read_text().splitlines()) - 1 == batch_lines(tmp_path)
    until(lambda: not psutil.pid_exists(run_json(tmp_path)["pid"]))

    ended = terminal("-m", "everybatch", "attach", run_id)
    ended.shows(CATALOGUE.text("state_stopped"))
    ended.type("q")
    assert ended.wait() == 0
    assert said(ended.text().replace("\r", ""), "end_stopped")


def log_of(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("log/training_*.log"))


def batch_lines(folder: Path) -> int:
    return log_of(folder).count(" - Batch Loss: ")


def test_a_failed_run_opens_with_its_culprit(terminal, tmp_path, tiny):
    train = str(REPOSITORY / "src" / "train_ddp.py")
    shown = terminal(train, *tiny, env={"TINY_FAULT": "raise@5", "TINY_SECONDS": "0.05"})
    shown.shows(CATALOGUE.text("state_failed"))
    shown.shows("a fault of rank 1 [/red]")
    shown.type("q")
    assert shown.wait() == 1
    assert said(shown.text().replace("\r", ""), "failed_raised", rank=1, error="ValueError")


@pytest.mark.parametrize(
    ("program", "state", "code"),
    [("sys.exit(7)", "failed", 7), ("os.kill(os.getpid(), 9)", "failed", 137), ("print('well')", "finished", 0)],
)
def test_the_exit_code_of_a_command_is_handed_on_by_the_monitor_too(terminal, program, state, code):
    shown = terminal("-m", "everybatch", "run", sys.executable, "-c", f"import os, sys; {program}")
    shown.shows(f" {CATALOGUE.text(f'state_{state}')} ")
    shown.type("q")
    assert shown.wait() == code


def test_a_lost_run_says_so(terminal, tmp_path, tiny):
    train = str(REPOSITORY / "src" / "train_ddp.py")
    shown = terminal(train, *tiny, "--epochs", "1000", env={"TINY_SECONDS": "0.05"})
    shown.shows("Batch Loss")
    os.kill(run_json(tmp_path)["pid"], signal.SIGKILL)
    shown.shows(CATALOGUE.text("state_lost"))
    shown.type("q")
    shown.shows(CATALOGUE.text("run_lost", run=run_json(tmp_path)["run_id"]))
