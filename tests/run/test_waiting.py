"""Ranks that wait for others: how long, and who is to blame."""

import signal
import time

import pytest

from ..support import until

SLOW = """
class Own(Tiny):
    def loss(self, model, batch):
        for _ in range(20 * int(os.environ["RANK"])):  # short ones: a stop takes away what is left of a sleep
            time.sleep(0.05)
        return super().loss(model, batch)
"""


def test_a_run_that_is_suspended_as_a_whole_loses_nothing_and_blames_nobody(start, own_task):
    run = start(*own_task(SLOW), "--timeout", "3", "--epochs", "1", "--log_batch_metrics")
    until(lambda: "(2/12)" in run.log())
    family = run.family()
    for process in family:
        process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + 7
    until(lambda: time.monotonic() > end)
    for process in reversed(family):
        process.send_signal(signal.SIGCONT)
    done = run.wait()
    assert (done.code, done.stderr) == (0, "")
    assert done.counted() == 12


@pytest.mark.slow
def test_a_rank_that_alone_is_stopped_hangs(start, own_task):
    run = start(*own_task(SLOW), "--timeout", "3", "--epochs", "1", "--log_batch_metrics")
    until(lambda: "(2/12)" in run.log())
    run.ranks()[1].send_signal(signal.SIGSTOP)
    done = run.wait()
    assert done.code == 1
    assert any(line.startswith("rank 1 没有响应，其他rank等待超时") for line in done.stderr.splitlines())


@pytest.mark.slow
def test_a_rank_that_is_slow_but_not_too_slow_is_waited_for(train, own_task):
    done = train(*own_task(SLOW), "--timeout", "2", "--epochs", "1", env={"TINY_SECONDS": "0.2"})
    assert (done.code, done.stderr) == (0, "")


def test_ranks_that_wait_for_one_another_blame_nobody(train, own_task):
    task = own_task("""
        class Own(Tiny):
            def loss(self, model, batch):
                if self.step == 3:
                    torch.distributed.recv(torch.zeros(1), src=1 - int(os.environ["RANK"]))
                return super().loss(model, batch)
        """)
    done = train(*task, "--timeout", "2", "--epochs", "1")
    assert done.code == 1
    assert any(line.startswith("所有rank都在互相等待") for line in done.stderr.splitlines())
    assert "recv" in done.stderr


def test_an_error_is_the_cause_though_its_rank_does_not_end_and_another_waits_too_long(train, own_task):
    task = own_task("""
        import threading
        class Own(Tiny):
            def loss(self, model, batch):
                if self.step == 4 and os.environ["RANK"] == "1":
                    threading.Thread(target=time.sleep, args=(3600,)).start()
                    raise TimeoutError("timed out while downloading")
                return super().loss(model, batch)
        """)
    done = train(*task, "--timeout", "1", "--epochs", "1")
    assert done.code == 1
    assert "rank 1 出错: TimeoutError: timed out while downloading" in done.stderr.splitlines()
