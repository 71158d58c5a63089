"""A made-up run for the monitor to watch, pictures for `everybatch data`, and runs that have learnt some."""

import shutil
import sys

import pytest

from ..support import Running
from .driver import Watched
from .judged_runs import tell, train_and_spoil
from .scans import write_scans


@pytest.fixture
def watched(tmp_path):
    made = []

    def make(*args, **options):
        made.append(Watched(tmp_path, *args, **options))
        return made[-1]

    yield make
    for run in made:
        run.server.close()


@pytest.fixture
def scans(tmp_path):
    write_scans(tmp_path / "scans")
    return tmp_path / "scans"


@pytest.fixture
def data(tmp_path):
    """Run the command in an empty folder with its output in pipes."""

    def run(*arguments, lang="en", **options):
        command = [sys.executable, "-m", "everybatch", "data", *map(str, arguments), "--lang", lang]
        return Running(command, **{"folder": tmp_path, "env": {}, **options}).wait()

    return run


@pytest.fixture(scope="session")
def learnt(tmp_path_factory):
    """The folder of a run on masks of a kind, trained once, with a wrong one; it is to stay as it is."""
    folders = {}

    def folder(kind):
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp(kind)
            train_and_spoil(kind, folders[kind])
        return folders[kind]

    return folder


@pytest.fixture
def judged_run(learnt, tmp_path, monkeypatch):
    """A copy of such a run, whose pictures a test may change; it is the current folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "100")
    import torch  # what most tests here do without

    before = torch.get_num_threads()
    torch.set_num_threads(1)

    def copy(kind):
        folder = tmp_path / "run"
        shutil.copytree(learnt(kind), folder, symlinks=True, ignore=shutil.ignore_patterns("cache"))
        tell(folder, data=str(folder / "data"))
        monkeypatch.chdir(folder)
        return folder

    yield copy
    torch.set_num_threads(before)
