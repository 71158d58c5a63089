"""How often the monitor draws on a core that is idle, busy with others, or busy with the monitor itself.

That others keep a core busy is done for real. That nobody does cannot be had while other tests run: there the
kernel's counters are made up.
"""

import math
import multiprocessing
import os
import time
from types import SimpleNamespace

import pytest
from everybatch.app import frame_rate as module
from everybatch.app.frame_rate import BUDGET, FASTEST, FASTEST_OVER_SSH, SLOWEST, FrameRate

from ..support import until

FRAME_SECONDS = 0.01
SPARING = FRAME_SECONDS / BUDGET
"""The pause that keeps to the budget."""

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot confine itself to one core")


@pytest.fixture(autouse=True)
def own_core(monkeypatch):
    """The core to which this process is confined, whatever the others do; and it is not over ssh."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    yield max(allowed)
    os.sched_setaffinity(0, allowed)


@pytest.fixture
def counters(monkeypatch, own_core):
    """Make up the idle seconds of the own core, and of all others, by functions of the time."""

    def install(own, others):
        def cpu_times(*, percpu):
            assert percpu
            cores = [others] * (os.cpu_count() or 1)
            cores[own_core] = own
            return [SimpleNamespace(idle=idle(time.monotonic())) for idle in cores]

        monkeypatch.setattr(module.psutil, "cpu_times", cpu_times)

    return install


def idle(now):
    return now


def busy(now):
    return 0.0


def busy_with_this_process(now):
    return now - time.process_time()


def spin(seconds: float) -> None:
    """Keep the core busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@pytest.fixture
def _others():
    """Another process that never rests, on the same core."""
    process = multiprocessing.get_context("fork").Process(target=spin, args=(60,))
    process.start()
    yield
    process.kill()
    process.join()


def look(frame_rate: FrameRate) -> float:
    """The pause once the machine has been looked at twice, so that it has been measured."""
    until(lambda: frame_rate.pause(FRAME_SECONDS) and not math.isnan(frame_rate.cost))
    return frame_rate.pause(FRAME_SECONDS)


def test_draws_as_fast_as_it_can_while_the_core_is_idle(counters):
    counters(own=idle, others=busy)
    assert look(FrameRate()) == FASTEST


def test_another_core_that_is_idle_is_not_its_own(counters):
    counters(own=busy, others=idle)
    assert look(FrameRate()) == SPARING


def test_draws_less_often_over_ssh(counters, monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 22 10.0.0.2 22")
    counters(own=idle, others=idle)
    assert look(FrameRate()) == FASTEST_OVER_SSH


@pytest.mark.usefixtures("_others")
def test_keeps_to_its_share_while_others_want_the_core():
    frame_rate = FrameRate()
    until(lambda: frame_rate.pause(FRAME_SECONDS) == SPARING)
    frame_rate = FrameRate()
    assert look(frame_rate) == SPARING
    assert frame_rate.pause(0.0001) == FASTEST
    assert frame_rate.pause(1.0) == SLOWEST


def test_its_own_work_is_not_that_of_others(counters):
    counters(own=busy_with_this_process, others=busy)
    frame_rate = FrameRate()

    def pause_after_work() -> float:
        spin(0.1)
        return frame_rate.pause(FRAME_SECONDS)

    until(lambda: pause_after_work() and frame_rate.cost > 0.3)
    assert pause_after_work() == FASTEST
