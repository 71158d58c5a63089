"""The process in which a task is tried: it says what it found, and whatever happens to it is one line."""

import io

import psutil
import pytest
from everybatch.engine.config import TrainConfig
from everybatch.errors import UsageError
from everybatch.log.catalogue import Catalogue
from everybatch.run import trial_process
from everybatch.run.fork_server import warm_up
from everybatch.run.trial_process import try_task

from ..support import until
from .mine import write


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """Try a task with other members; what was said on the way."""
    monkeypatch.syspath_prepend(tmp_path)

    def try_it(body, checkpoint=None, **flags):
        write(tmp_path, body)
        warm_up()
        said = io.StringIO()
        config = TrainConfig(task="mine:Mine", nproc=2, lang="en", **flags)
        return try_task(config, checkpoint, Catalogue("en"), said), said.getvalue()

    return try_it


@pytest.fixture
def line(tried):
    """The one line about a task that cannot be trained."""

    def refused(body, **flags):
        with pytest.raises(UsageError) as told:
            tried(body, **flags)
        return Catalogue("en").error(told.value)

    return refused


def test_it_tells_what_can_be_started(tried, capfd):
    plan, said = tried("def __init__(self): print('printed'); os.write(2, b'native')")
    assert (plan.world_size, plan.device, plan.backend, plan.metric_names) == (2, "cpu", "gloo", ())
    assert list(plan.notices()) == []
    assert said == ""
    assert capfd.readouterr() == ("", "")
    assert not any(process.name == "trial" for process in trial_process.multiprocessing.active_children())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def loss(self, model, batch): os._exit(3)", "the process that tried one batch died in loss (exit 3)"),
        ("def train_data(self): os.kill(os.getpid(), signal.SIGSEGV)", "died in train_data (SIGSEGV)"),
        ("def __init__(self): raise OSError('no disk')", "__init__ of mine:Mine failed (OSError: no disk)"),
    ],
)
def test_a_process_that_dies_is_said(line, body, words):
    assert words in line(body)


SLOW = """
def train_data(self):
    import subprocess
    child = subprocess.Popen(["sleep", "3600"])
    open({path!r}, "w").write(str(child.pid))
    return TensorDataset(torch.ones(9, 3), torch.ones(9, 1))

def loss(self, model, batch):
    time.sleep({seconds})
    return model(batch[0]).mean()
"""


def test_a_batch_that_takes_too_long_is_said_and_leaves_no_process(line, tmp_path):
    told = line(SLOW.format(path=str(tmp_path / "pid"), seconds=3600), timeout=1)
    assert "--timeout: loss did not end within 3 seconds when one batch was tried" in told
    until(lambda: not psutil.pid_exists(int((tmp_path / "pid").read_text())))


def test_what_takes_long_is_said(tried, tmp_path, monkeypatch):
    monkeypatch.setattr(trial_process, "QUIET_SECONDS", 0.5)
    _, said = tried(SLOW.format(path=str(tmp_path / "pid"), seconds=1.5))
    assert said.splitlines() == ["trying one batch: loss …"]


def test_a_fault_of_ours_is_not_blamed_on_the_task(tried, tmp_path):
    with pytest.raises(trial_process.TrialError, match=r"Traceback(.|\n)*FileNotFoundError"):
        tried("", checkpoint=tmp_path / "last.pt")
