"""A made-up run for the monitor to watch."""

import pytest

from .driver import Watched


@pytest.fixture
def watched(tmp_path):
    made = []

    def make(*args, **options):
        made.append(Watched(tmp_path, *args, **options))
        return made[-1]

    yield make
    for run in made:
        run.server.close()
