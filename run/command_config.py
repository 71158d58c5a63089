"""The one dataclass that is the command line of ``everybatch run`` and its help."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError
from ..log.language import Language, default_language


@dataclass(frozen=True, kw_only=True)
class CommandConfig:
    """Run a command and see every batch of it."""

    command: tuple[str, ...] = field(default=(), metadata={"positional": True})
    """The command as it is typed."""

    epochs: int = field(default=0, metadata={"help": "epochs_of_command", "unknown": 0})
    """Epochs of the training, where nobody else can know; 0 = unknown (default 0)."""

    steps: int = field(default=0, metadata={"help": "steps_of_command", "unknown": 0})
    """Batches of the whole training, where there are no epochs to count; 0 = unknown (default 0)."""

    log_interval: int = 1
    """Screen line every N batches; the log file has them all (default 1)."""

    log_batch_metrics: bool = False
    """Also write every batch to a CSV file (default off)."""

    output_dir: Path = field(default=Path(), metadata={"help": "output_dir_of_command"})
    """Folder that gets log/, metrics/ and .everybatch/ (default the current folder)."""

    tui: bool = True
    """Show the monitor when there is a terminal; --no-tui prints plain lines (default on)."""

    lang: Language = field(default_factory=default_language)
    """Language of lines and messages, also by EVERYBATCH_LANG (default zh)."""

    def check(self) -> None:
        """Raise `UsageError` for a value that cannot work; looks at nothing outside this object."""
        for name, least in (("epochs", 0), ("steps", 0), ("log_interval", 1)):
            if getattr(self, name) < least:
                raise UsageError("at_least", flag=f"--{name}", least=least, value=getattr(self, name))
        if self.epochs and self.steps:
            raise UsageError("epochs_or_steps")
        if not self.command:
            raise UsageError("command_missing")


def shown(command: Sequence[str]) -> str:
    """The command as a person knows it."""
    python = command[0] == "-m" or (command[0].endswith(".py") and not os.access(command[0], os.X_OK))
    return shlex.join(["python", *command] if python else command)


def executable(command: Sequence[str]) -> list[str]:
    """The command as it is started: a ``.py`` file or ``-m`` first means this Python. Raises `UsageError`."""
    first = command[0]
    if first == "-m":
        return [sys.executable, *command]
    if first.endswith(".py") and not os.access(first, os.X_OK):
        if not Path(first).is_file():
            raise UsageError("command_unknown", command=first)
        return [sys.executable, *command]
    if shutil.which(first) is None:
        exists = Path(first).is_file()
        raise UsageError("command_not_executable" if exists else "command_unknown", command=first)
    return list(command)
