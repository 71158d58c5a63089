import os
import signal
import time

from everybatch.run.launcher import Launcher, warm_up

from ..support import until


def test_a_rank_that_is_killed_while_it_waits_for_the_others_to_finish_ends_the_attempt(tmp_path):
    """Elastic tells finished ranks by an event; with a dead one among those that wait, that never returns."""
    script = f"""
import os, pathlib, time
folder = pathlib.Path({str(tmp_path)!r})
(folder / os.environ["RANK"]).write_text(str(os.getpid()))
while os.environ["RANK"] == "0" and not (folder / "go").exists():
    time.sleep(0.01)
"""
    warm_up()
    launch = Launcher(exec, (script,), 2, f"killed_{time.monotonic_ns()}")
    until(lambda: all((tmp_path / rank).exists() and (tmp_path / rank).read_text() for rank in "01"))
    time.sleep(0.5)  # rank 1 returns and waits; nothing tells it from outside
    rank_1 = int((tmp_path / "1").read_text())
    os.kill(rank_1, signal.SIGSTOP)  # so that it cannot answer the event
    (tmp_path / "go").touch()
    time.sleep(0.5)
    os.kill(rank_1, signal.SIGKILL)
    assert launch.ended.wait(20)
    assert {one.pid: one.exitcode for one in launch.exits()}[rank_1] == -signal.SIGKILL
