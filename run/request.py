"""What the run process is asked to do; it travels from the command line as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ..engine.config import TrainConfig, config_from, config_values
from ..log.catalogue import Catalogue
from ..log.language import Language
from ..reporting.api.joined import LoopConfig
from .command_config import CommandConfig
from .run_folder import RunFolder


@dataclass(frozen=True)
class TrainRequest:
    """Train a task: a config whose flags are parsed, and the run that it goes on with."""

    config: TrainConfig
    resumed: Path | None = None
    """The private folder of the run to go on with; None for a new run."""


@dataclass(frozen=True)
class CommandRequest:
    """Run somebody's own command."""

    config: CommandConfig


@dataclass(frozen=True)
class LoopRequest:
    """Record a training that is under way, and reports by itself."""

    config: LoopConfig


Request = TrainRequest | CommandRequest


class _Wire(msgspec.Struct):
    """A request as plain values."""

    train: dict[str, Any] | None = None
    resumed: str | None = None
    command: dict[str, Any] | None = None
    loop: LoopConfig | None = None


def encode_request(request: Request) -> str:
    """One line of JSON."""
    match request:
        case TrainRequest(config, resumed):
            wire = _Wire(config_values(config), str(resumed) if resumed is not None else None)
        case CommandRequest(config):
            wire = _Wire(command=msgspec.to_builtins(config, enc_hook=str))
    return json.dumps(msgspec.to_builtins(wire)) + "\n"


def decode_request(line: str) -> Request | LoopRequest:
    """The request that `encode_request` made a line of, or that of a loop; raises `ValueError` for all else."""
    wire = msgspec.convert(json.loads(line), _Wire)
    if wire.loop is not None:
        return LoopRequest(wire.loop)
    if wire.command is not None:
        return CommandRequest(msgspec.convert(wire.command, CommandConfig, dec_hook=lambda _, text: Path(text)))
    resumed = Path(wire.resumed) if wire.resumed is not None else None
    return TrainRequest(config_from(wire.train or {}), resumed)


def language_of(request: Request) -> Language:
    """The language of the run."""
    return request.config.lang


def start(
    request: Request, stdout: TextIO | None, stderr: TextIO, created: Callable[[RunFolder], None] = lambda _: None
) -> int:
    """Do what is asked in this process; the exit code. Raises `UsageError` before anything is written.

    Without `stdout` no lines are shown. `created` is called as soon as the run has its folder and can be watched.
    """
    catalogue = Catalogue(language_of(request))
    match request:
        case TrainRequest():
            from .run_process import run

            return run(request, catalogue, stdout, stderr, created)
        case CommandRequest(config):
            from .command_run import run_command

            return run_command(config, catalogue, stdout, stderr, created)
