"""Finds runs from any folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..metrics.commands import Command
from .liveness import Liveness, judge, this_boot
from .paths import home, is_folder, real
from .run_folder import RunFolder

LIVE = ("starting", "running")
FOREIGN = ("command", "loop")
"""Kinds of runs that are trainings of somebody's own."""
LISTENERS_DO = (Command.SAVE, Command.STOP_AFTER_EPOCH)
"""What nobody does in a command whose ranks do not listen."""
PRIVATE = ".everybatch"
"""The folder of an output folder that has the private folders of its runs."""
MOST_PATH_BYTES = 1 << 14


@dataclass(frozen=True)
class RegisteredRun:
    """A run as its run.json tells."""

    folder: RunFolder
    content: dict[str, Any]

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.folder.run_id

    @property
    def foreign(self) -> str:
        """`command` or `loop` for a training that is somebody's own; empty for one of our tasks."""
        kind = self.content.get("kind")
        return kind if kind in FOREIGN else ""

    def takes(self, command: Command) -> bool:
        """Whether there is somebody who does what this asks for: the run process alone, or those who train."""
        if not self.foreign:
            return True
        listens = self.foreign == "loop" or self.content.get("listens") is True
        return command is not Command.STACKS and (listens or command not in LISTENERS_DO)

    @property
    def state(self) -> str:
        """`running`, `finished`, `stopped` or `failed`; `lost` when its process is gone without a word.

        `silent` when that cannot be told, but nothing was heard for a while.
        """
        return str(self.content.get("state", "lost")) if self.ended else self.liveness.state

    @property
    def ended(self) -> bool:
        """Whether it has said its end."""
        return self.content.get("state", "lost") not in LIVE

    @property
    def live(self) -> bool:
        """Whether its process still runs."""
        return self.state in LIVE

    @property
    def liveness(self) -> Liveness:
        """What is known of its process, if the run has not said its end."""
        return judge(self.folder.private, self._boot_id)

    @property
    def elsewhere(self) -> bool:
        """Whether it was started under another kernel, whose locks may not be seen here."""
        return self._boot_id is not None and self._boot_id != this_boot()

    @property
    def host(self) -> str:
        """The name of the machine that it was started on."""
        return str(self.content.get("host", "?"))

    @property
    def started_at(self) -> float:
        """Wall clock, seconds since 1970."""
        started_at = self.content.get("started_at")
        return float(started_at) if isinstance(started_at, int | float) else 0.0

    @property
    def _boot_id(self) -> str | None:
        boot_id = self.content.get("boot_id")
        return boot_id if isinstance(boot_id, str) else None


def register(folder: RunFolder) -> None:
    """Make the run known to this user's other folders; raises `OSError`."""
    index = _index()
    if index is None:
        raise FileNotFoundError(ENOENT, "no home folder")
    index.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = os.fsencode(folder.private.absolute())
    name = f"{folder.run_id}_{hashlib.sha256(private).hexdigest()[:16]}"
    (index / name).write_bytes(private + b"\n")


def all_runs() -> list[RegisteredRun]:
    """All runs of this user and those of the current folder, the newest last.

    Texts instead of `Path` objects, as thousands of entries may lead nowhere.
    """
    names: dict[str, set[str]] = {}
    """Of private folders, by the folder that they are in."""
    for private in (*_registered(), *_below(Path())):
        parent, _, name = private.rpartition("/")
        names.setdefault(parent, set()).add(name)
    folders = set()
    for parent in names:
        if is_folder(parent):  # else none of its runs is there, as when a share is not mounted
            folders |= {real(private) for name in names[parent] if is_folder(private := f"{parent}/{name}")}
    runs = [run for path in folders if (run := read_run(path)) is not None]
    return sorted(runs, key=lambda run: (run.started_at, run.run_id))


def read_run(private: Path) -> RegisteredRun | None:
    """The run whose private folder is `private`, None if it is none."""
    try:
        content = json.loads((private / "run.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    return RegisteredRun(RunFolder(private.parent.parent, private.name), content)


def find_run(asked: str | None) -> RegisteredRun:
    """The run that a person names by id, prefix or path; without a name the one to think of first.

    Runs of the current folder go before all others. Raises `UsageError` if there is none, or more than one.
    """
    if asked is not None and ("/" in asked or is_folder(asked)):
        path = real(asked)
        run = read_run(path) or newest_run(runs_below(path))
        if run is None:
            raise UsageError("no_run_at", path=asked)
        return run
    runs = all_runs()
    if asked is None:
        run = first_run(runs)
        if run is None:
            raise UsageError("no_runs")
        return run
    exact = [run for run in runs if run.run_id == asked]
    matching = exact or [run for run in runs if run.run_id.startswith(asked)]
    matching = [run for run in matching if distance(run) == 0] or matching
    if not matching:
        raise UsageError("no_such_run", run=asked)
    if len(matching) > 1:
        told = ", ".join(f"{run.run_id} ({run.folder.root})" for run in matching[-5:])
        raise UsageError("many_runs", run=asked, runs=told)
    return matching[0]


def runs_below(folder: Path) -> list[RegisteredRun]:
    """The runs whose output folder is `folder`."""
    runs = (read_run(Path(private)) for private in _below(folder))
    return [run for run in runs if run is not None]


def newest_run(runs: Iterable[RegisteredRun]) -> RegisteredRun | None:
    """The newest of `runs`, a live one first; None if there is none."""
    return max(runs, key=lambda run: (run.live, run.started_at), default=None)


def first_run(runs: Iterable[RegisteredRun]) -> RegisteredRun | None:
    """The run that is meant when none is named: the newest of the nearest ones (`distance`), a live one first."""
    by_distance: dict[int, list[RegisteredRun]] = {}
    for run in runs:
        by_distance.setdefault(distance(run), []).append(run)
    return newest_run(by_distance[min(by_distance)]) if by_distance else None


def distance(run: RegisteredRun) -> int:
    """0 for a run of the current folder, 1 for one of a folder below it, 2 for all others."""
    here, root = real("."), real(run.folder.root)
    if root == here:
        return 0
    return 1 if root.is_relative_to(here) else 2


def _below(folder: Path) -> Iterator[str]:
    """The private folders of an output folder; none if it has none, or they may not be seen."""
    parent = str(folder.absolute() / PRIVATE)
    try:
        names = os.listdir(parent)  # noqa: PTH208
    except OSError:
        return
    yield from (f"{parent}/{name}" for name in names)


def _index() -> Path | None:
    """The folder with an entry for each run; None where there is no place for one."""
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        user = home()
        if user is None:
            return None
        state = user / ".local" / "state"
    return state / "everybatch" / "runs"


def _registered() -> Iterator[str]:
    """The folders that the index tells. One that is absent stays: its disk may be mounted again."""
    index = _index()
    try:
        names = os.listdir(index) if index is not None else []  # noqa: PTH208
    except OSError:  # no run was ever registered, or the home folder is another user's
        return
    for name in names:
        try:
            fd = os.open(f"{index}/{name}", os.O_RDONLY)
            try:
                yield os.fsdecode(os.read(fd, MOST_PATH_BYTES)).rstrip("\n")
            finally:
                os.close(fd)
        except OSError:
            continue
