"""``everybatch run [flags] CMD …``: any command, as it is, with every batch of it on the screen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import get_type_hints

from ..run.command_config import CommandConfig, executable
from ..run.request import CommandRequest
from .arguments import parse
from .launch import launch

PROGRAM = "everybatch run"


def run_command(arguments: Sequence[str]) -> int:
    """Run the command; its exit code. Raises `UsageError`."""
    ours, command = split(arguments)
    config = dataclasses.replace(parse(CommandConfig, ours, PROGRAM), command=tuple(command))
    config.check()
    executable(config.command)
    return launch(CommandRequest(config))


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own flags, which stand in front, and the command behind them; ``--`` may stand between."""
    switches = {f"--{name}" for name, hint in get_type_hints(CommandConfig).items() if hint is bool}
    place = 0
    while place < len(arguments) and arguments[place].startswith("--"):
        flag = arguments[place].replace("-", "_").replace("__", "--", 1)
        if flag == "--":
            return list(arguments[:place]), list(arguments[place + 1 :])
        alone = "=" in flag or flag in switches or flag.replace("--no_", "--") in switches
        place += 1 if alone else 2
    return list(arguments[:place]), list(arguments[place:])
