"""A made-up run for the monitor to watch, and pictures for `everybatch data`."""

import sys

import pytest

from ..support import Running
from .driver import Watched
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
