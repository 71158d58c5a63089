"""From the arguments of ``everybatch train`` to its request; with ``--resume``, on top of what the run had."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..engine.config import TrainConfig
from ..run.request import TrainRequest
from .arguments import parse

PROGRAM = "everybatch train"


def read_request(arguments: Sequence[str]) -> TrainRequest:
    """What the arguments ask for; raises `UsageError`."""
    config = parse(TrainConfig, arguments, PROGRAM)
    if config.resume is None:
        return TrainRequest(config)
    from ..run.resume import find_resumable, read_earlier

    run = find_resumable(config.resume, config.output_dir, take_over=config.take_over)
    earlier = read_earlier(run.folder.private, take_over=config.take_over)
    new = TrainConfig()
    default = dataclasses.replace(earlier.config, tui=new.tui, take_over=new.take_over)
    resumed = parse(TrainConfig, arguments, PROGRAM, default=default)
    return TrainRequest(
        dataclasses.replace(resumed, output_dir=earlier.folder.root), earlier.folder.private.absolute()
    )
