"""Starts trainings that report by themselves."""

import os
import sys

import pytest

from ..support import Running
from .loops import SCRIPTS


@pytest.fixture
def start(tmp_path):
    """Start a script in an empty folder; whatever still runs at the end is killed."""
    started = []

    def begin(*arguments, **env):
        script = [str(SCRIPTS / one) if one.endswith(".py") else one for one in arguments]
        settings = {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{SCRIPTS}", **env}
        started.append(Running([sys.executable, *script], tmp_path, settings))
        return started[-1]

    yield begin
    for one in started:
        one.end()
