"""Fixtures that run the real thing: commands in processes of their own, in an empty folder."""

import fcntl
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .support import REPOSITORY, Finished, Running
from .trained import train_on


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The language is the default one and no run is above, whoever runs the tests; a test remembers for itself."""
    for name in [name for name in os.environ if name.startswith("EVERYBATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start ``everybatch train`` with flags in an empty folder; whatever still runs at the end is killed."""
    started: list[Running] = []

    def begin(*flags: str, env: dict[str, str] | None = None, wrap: tuple[str, ...] = (), **options) -> Running:
        command = [*wrap, sys.executable, str(REPOSITORY / "src" / "train_ddp.py"), *flags]
        running = Running(command, tmp_path, env or {}, **options)
        started.append(running)
        return running

    yield begin
    for running in started:
        running.end()


@pytest.fixture
def train(start) -> Callable[..., Finished]:
    """Run ``everybatch train`` to its end."""
    return lambda *flags, **options: start(*flags, **options).wait()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a run of image_folder on masks of a kind; it is to stay as it is.

    It is trained once, by the first of the processes that share the tests.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(kind: str) -> Path:
        made = shared / f"trained-{kind}"
        with (shared / f"trained-{kind}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                new = tmp_path_factory.mktemp(kind)
                train_on(kind, new, "--epochs", "9")
                made.symlink_to(new)
        return made.resolve()

    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[str, ...]:
    """Flags for a quick two-rank run of a user's own task in the current folder."""
    shutil.copy(REPOSITORY / "tests" / "tiny.py", tmp_path)
    return ("--task", "tiny:Tiny", "--nproc", "2", "--lr", "0.1")


@pytest.fixture
def own_task(tiny: tuple[str, ...], tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Write a module that has the quick task and changes it; returns flags for a run of its class ``Own``."""

    def write(source: str) -> tuple[str, ...]:
        (tmp_path / "own.py").write_text("from tiny import *\n" + textwrap.dedent(source))
        return ("--task", "own:Own", *tiny[2:])

    return write
