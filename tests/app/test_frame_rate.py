"""How often the monitor draws on a core that is idle, busy with others, or busy with the monitor itself.

That others keep a core busy is done for real. That nobody does cannot be had while other tests run: there the
clocks and the kernel's counters are made up.
"""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from everybatch.app import frame_rate as module
from everybatch.app.frame_rate import BUDGET, FASTEST, FASTEST_OVER_SSH, LOOK_SECONDS, SLOWEST, FrameRate

from ..support import until

FRAME_SECONDS = 0.01
SPARING = FRAME_SECONDS / BUDGET
"""The pause that keeps to the budget."""

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot confine itself to one core")


@pytest.fixture(autouse=True)
def own_core(monkeypatch):
    """The core to which this process is confined; and it is not over ssh."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    yield max(allowed)
    os.sched_setaffinity(0, allowed)


class Machine:
    """Seconds that went by, that this process worked, and that the cores were idle."""

    def __init__(self, own_core):
        self.now = self.worked = 0.0
        self.idle = [0.0] * (os.cpu_count() or 1)
        self._own_core = own_core

    def run(self, seconds, *, worked=0.0, idle=0.0, others_idle=0.0):
        """Let time pass, of which so much of it was idle, on the own core and on the others."""
        self.now += seconds
        self.worked += worked
        for core in range(len(self.idle)):
            self.idle[core] += idle if core == self._own_core else others_idle

    def cpu_times(self, *, percpu):
        assert percpu
        return [SimpleNamespace(idle=idle) for idle in self.idle]


@pytest.fixture
def machine(monkeypatch, own_core):
    made_up = Machine(own_core)
    clock = SimpleNamespace(monotonic=lambda: made_up.now, process_time=lambda: made_up.worked)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "psutil", made_up)
    return made_up


def pause_after(machine, **passed):
    """The pause once the machine has gone on like this for two looks at it, and the cost that was measured."""
    frame_rate = FrameRate()
    for _ in range(2):
        machine.run(LOOK_SECONDS, **passed)
        pause = frame_rate.pause(FRAME_SECONDS)
    return pause, frame_rate.cost


def test_draws_as_fast_as_it_can_while_the_core_is_idle(machine):
    assert pause_after(machine, worked=0.1, idle=0.9) == (FASTEST, pytest.approx(0.1))


def test_its_own_work_is_not_that_of_others(machine):
    assert pause_after(machine, worked=0.9, idle=0.1) == (FASTEST, pytest.approx(0.9))


def test_another_core_that_is_idle_is_not_its_own(machine):
    assert pause_after(machine, worked=0.1, idle=0.1, others_idle=1.0) == (SPARING, pytest.approx(0.1))


def test_draws_less_often_over_ssh(machine, monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 22 10.0.0.2 22")
    assert pause_after(machine, idle=1.0) == (FASTEST_OVER_SSH, 0.0)


@pytest.fixture
def _others():
    """Another process that never rests, on the same core."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    process.kill()
    process.wait()


@pytest.mark.usefixtures("_others")
def test_keeps_to_its_share_while_others_want_the_core():
    frame_rate = FrameRate()
    until(lambda: frame_rate.pause(FRAME_SECONDS) == SPARING)
    assert frame_rate.pause(0.0001) == FASTEST
    assert frame_rate.pause(1.0) == SLOWEST
