import os
import signal
import sys
import threading
import time
from types import FrameType

from everybatch.run.fork_server import warm_up
from everybatch.run.launcher import Launcher

from ..support import DEADLINE, until


def calls(frame: FrameType | None):
    """The file and the function of each frame, the innermost first."""
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_code.co_name
        frame = frame.f_back


def launcher_sets_an_event() -> bool:
    (launcher,) = [thread for thread in threading.enumerate() if thread.name == "launcher"]
    frame = sys._current_frames().get(launcher.ident or 0)
    return any(file.endswith("multiprocessing/synchronize.py") and name == "set" for file, name in calls(frame))


def test_a_rank_that_is_killed_while_it_waits_for_the_others_to_finish_ends_the_attempt(tmp_path):
    """Elastic tells finished ranks by an event; with a dead one among those that wait, that never returns."""
    script = f"""
import faulthandler, os, pathlib, signal, time
folder = pathlib.Path({str(tmp_path)!r})
faulthandler.register(signal.SIGUSR1, open(folder / f"stack_{{os.environ['RANK']}}", "w"))
(folder / os.environ["RANK"]).write_text(str(os.getpid()))
while os.environ["RANK"] == "0" and not (folder / "go").exists():
    time.sleep(0.01)
"""
    warm_up()
    launch = Launcher(exec, (script,), 2, f"killed_{time.monotonic_ns()}")
    until(lambda: all((tmp_path / rank).exists() and (tmp_path / rank).read_text() for rank in "01"))
    rank_1 = int((tmp_path / "1").read_text())

    def waits():
        os.kill(rank_1, signal.SIGUSR1)
        return "multiprocessing/synchronize.py" in (tmp_path / "stack_1").read_text()

    until(waits)
    os.kill(rank_1, signal.SIGSTOP)  # so that it cannot answer the event
    (tmp_path / "go").touch()
    until(launcher_sets_an_event)
    os.kill(rank_1, signal.SIGKILL)
    assert launch.ended.wait(DEADLINE)
    assert {one.pid: one.exitcode for one in launch.exits()}[rank_1] == -signal.SIGKILL
