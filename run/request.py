"""What the run process is asked to do; it travels from the command line as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..engine.config import TrainConfig, config_from, config_values


@dataclass(frozen=True)
class TrainRequest:
    """A config whose flags are parsed, and the run that it goes on with."""

    config: TrainConfig
    resumed: Path | None = None
    """The private folder of the run to go on with; None for a new run."""


def encode_request(request: TrainRequest) -> str:
    """One line of JSON."""
    resumed = str(request.resumed) if request.resumed is not None else None
    return json.dumps([config_values(request.config), resumed]) + "\n"


def decode_request(line: str) -> TrainRequest:
    """The request that `encode_request` made a line of; raises `ValueError` for anything else."""
    values, resumed = msgspec.convert(json.loads(line), tuple[dict[str, object], str | None])
    return TrainRequest(config_from(values), Path(resumed) if resumed is not None else None)
