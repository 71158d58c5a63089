"""What a task starts and never ends: a run whose ranks have all finished is finished."""

import signal

import pytest

from ..support import only, until

STARTS = {
    "thread": "threading.Thread(target=time.sleep, args=(3600,)).start()",
    "manager": "self.shared = multiprocessing.Manager().dict()",
    "pool": "self.pool = multiprocessing.Pool(2)",
    "process": "multiprocessing.Process(target=time.sleep, args=(3600,)).start()",
    "exit": "atexit.register(time.sleep, 3600)",
}


def task(own_task, *names):
    """A task that starts these in each process in which it is built: in the ranks, and in the one that tries it."""
    lines = "".join(f"        {STARTS[name]}\n" for name in names)
    return own_task(
        "import atexit, multiprocessing, threading\n"
        "class Own(Tiny):\n    def __init__(self):\n        super().__init__()\n" + lines
    )


@pytest.mark.parametrize(
    "names",
    [("thread",), ("manager", "pool", "exit"), pytest.param(("process",), marks=pytest.mark.slow)],
    ids="+".join,
)
def test_a_run_that_has_finished_ends_whatever_its_task_started(train, own_task, names):
    run = train(*task(own_task, *names), "--epochs", "2", "--workers", "1", "--log_batch_metrics")
    assert (run.code, run.stderr) == (0, "")
    assert run.counted() == 24
    assert run.journal()[-1].state == "finished"
    assert ("rank 0, 1 的任务留下的线程或进程没有结束" in run.log()) == (len(names) == 1)


@pytest.mark.slow
def test_one_signal_stops_a_run_with_such_a_task(start, own_task, tmp_path):
    run = start(*task(own_task, "thread", "manager"), "--epochs", "1000", env={"TINY_SECONDS": "0.05"})
    until(lambda: "(3/12)" in run.log())
    run.send(signal.SIGTERM)
    done = run.wait()
    assert done.code == 143
    assert done.journal()[-1].state == "stopped"
    assert only(tmp_path, "checkpoints/*/last.pt").exists()


@pytest.mark.slow
def test_a_rank_that_fails_with_such_a_task_is_the_culprit(train, own_task):
    run = train(*task(own_task, "thread", "process"), "--timeout", "100", env={"TINY_FAULT": "raise@5"})
    assert run.code == 1
    assert "rank 1 出错: ValueError: a fault of rank 1" in run.stderr
    assert "rank 0 只是失去了连接" in run.stderr or "rank 0" not in run.stderr
