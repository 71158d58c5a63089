"""How often the monitor draws on a core that is idle, busy with others, or busy with the monitor itself."""

import multiprocessing
import os
import time

import pytest
from everybatch.app.governor import BUDGET, FASTEST, FASTEST_OVER_SSH, SLOWEST, Governor

from ..conftest import until

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
    governor = Governor()
    time.sleep(1.1)
    until(lambda: governor.pause(FRAME_SECONDS) == FASTEST)


def test_draws_less_often_over_ssh(monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 22 10.0.0.2 22")
    assert Governor().pause(FRAME_SECONDS) == FASTEST_OVER_SSH


@pytest.mark.usefixtures("_others")
def test_keeps_to_its_share_while_others_want_the_core():
    governor = Governor()
    until(lambda: governor.pause(FRAME_SECONDS) == FRAME_SECONDS / BUDGET)
    assert governor.pause(0.0001) == FASTEST
    assert governor.pause(1.0) == SLOWEST


def test_its_own_work_is_not_that_of_others():
    governor = Governor()

    def fastest_after_work() -> bool:
        spin(1.1)
        return governor.pause(FRAME_SECONDS) == FASTEST

    until(lambda: fastest_after_work() and governor.cost > 0.5)
