"""How often the monitor draws on a core that is idle, busy with others, or busy with the monitor itself."""

import multiprocessing
import os
import time

import pytest
from everybatch.app.frame_rate import BUDGET, FASTEST, FASTEST_OVER_SSH, SLOWEST, FrameRate

from ..support import until

FRAME_SECONDS = 0.01

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot confine itself to one core")


@pytest.fixture(autouse=True)
def _one_core(monkeypatch):
    """Confined to one core, whatever the others do, and not over ssh."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


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


def test_draws_as_fast_as_it_can_while_the_core_is_idle():
    frame_rate = FrameRate()
    time.sleep(1.1)
    until(lambda: frame_rate.pause(FRAME_SECONDS) == FASTEST)


def test_draws_less_often_over_ssh(monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 22 10.0.0.2 22")
    assert FrameRate().pause(FRAME_SECONDS) == FASTEST_OVER_SSH


@pytest.mark.usefixtures("_others")
def test_keeps_to_its_share_while_others_want_the_core():
    frame_rate = FrameRate()
    until(lambda: frame_rate.pause(FRAME_SECONDS) == FRAME_SECONDS / BUDGET)
    assert frame_rate.pause(0.0001) == FASTEST
    assert frame_rate.pause(1.0) == SLOWEST


def test_its_own_work_is_not_that_of_others():
    frame_rate = FrameRate()

    def fastest_after_work() -> bool:
        spin(1.1)
        return frame_rate.pause(FRAME_SECONDS) == FASTEST

    until(lambda: fastest_after_work() and frame_rate.cost > 0.5)
