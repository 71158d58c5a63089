"""``everybatch train``."""

from __future__ import annotations

import os

from ..log.catalogue import Catalogue
from ..run.other_launchers import check_launcher
from ..run.request import TrainRequest
from .launch import has_terminal, launch


def train(request: TrainRequest) -> int:
    """Train as asked; the exit code."""
    config = request.config
    config.check()
    check_launcher(os.environ)
    if config.tui and has_terminal():  # what can be found out without torch is said at once
        from ..run.preflight import check_files

        check_files(config)
        print(Catalogue(config.lang).text("stage_importing"), flush=True)
    return launch(request)
