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
    arguments = _with_latest(arguments)
    config = parse(TrainConfig, arguments, PROGRAM)
    if config.resume is None:
        return TrainRequest(config)
    from ..run.resume import find_resumable, read_earlier

    earlier = read_earlier(find_resumable(config.resume, config.output_dir).folder.private)
    default = dataclasses.replace(earlier.config, tui=TrainConfig().tui)
    resumed = parse(TrainConfig, arguments, PROGRAM, default=default)
    return TrainRequest(
        dataclasses.replace(resumed, output_dir=earlier.folder.root), earlier.folder.private.absolute()
    )


def _with_latest(arguments: Sequence[str]) -> list[str]:
    """``--resume`` without a value means the newest run."""
    filled = []
    for place, argument in enumerate(arguments):
        filled.append(argument)
        following = arguments[place + 1] if place + 1 < len(arguments) else "--"
        if argument == "--resume" and following.startswith("-"):
            filled.append("latest")
    return filled
