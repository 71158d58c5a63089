"""Finds runs from any folder, and tells in which state each is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ..errors import UsageError
from .run_folder import RunFolder

LIVE = ("starting", "running")


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
    def state(self) -> str:
        """`running`, `finished`, `stopped`, `failed`, or `lost` when its process is gone without a word."""
        state = str(self.content.get("state", "lost"))
        return "lost" if state in LIVE and not self._process_lives() else state

    @property
    def live(self) -> bool:
        """Whether its process still runs."""
        return self.state in LIVE

    @property
    def started_at(self) -> float:
        """Wall clock, seconds since 1970."""
        return float(self.content.get("started_at", 0.0))

    def _process_lives(self) -> bool:
        if self.content.get("host") != socket.gethostname():
            return True  # not ours to judge
        try:
            process = psutil.Process(int(self.content["pid"]))
            same = abs(process.create_time() - float(self.content["process_started_at"])) < 1.0
            return bool(same and process.status() != psutil.STATUS_ZOMBIE)
        except (psutil.Error, KeyError, ValueError):
            return False


def register(folder: RunFolder) -> None:
    """Make the run known to this user's other folders; raises `OSError`."""
    index = _index()
    index.mkdir(parents=True, exist_ok=True, mode=0o700)
    root = folder.root.absolute()
    name = f"{folder.run_id}_{abs(hash(str(root))):x}_{os.getpid()}"
    (index / name).write_text(str(root / ".everybatch" / folder.run_id) + "\n", "utf-8")


def all_runs() -> list[RegisteredRun]:
    """All runs of this user and those below the current folder, the newest last."""
    folders = {path.resolve() for path in (*_registered(), *Path.cwd().glob(".everybatch/*")) if path.is_dir()}
    runs = [run for path in folders if (run := read_run(path)) is not None]
    return sorted(runs, key=lambda run: (run.started_at, run.run_id))


def read_run(private: Path) -> RegisteredRun | None:
    """The run whose private folder is `private`, None if it is none."""
    try:
        content = json.loads((private / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    return RegisteredRun(RunFolder(private.parent.parent, private.name), content)


def find_run(asked: str | None) -> RegisteredRun:
    """The run that a person names by id, prefix or path; without a name the newest, a live one first.

    Raises `UsageError` if there is none, or more than one.
    """
    if asked is not None and ("/" in asked or Path(asked).is_dir()):
        path = Path(asked).resolve()
        run = read_run(path) or newest_run(runs_below(path))
        if run is None:
            raise UsageError("no_run_at", path=asked)
        return run
    runs = all_runs()
    if asked is None:
        run = newest_run(runs)
        if run is None:
            raise UsageError("no_runs")
        return run
    exact = [run for run in runs if run.run_id == asked]
    matching = exact or [run for run in runs if run.run_id.startswith(asked)]
    if not matching:
        raise UsageError("no_such_run", run=asked)
    if len(matching) > 1:
        raise UsageError("many_runs", run=asked, runs=", ".join(run.run_id for run in matching[-5:]))
    return matching[0]


def runs_below(folder: Path) -> list[RegisteredRun]:
    """The runs whose output folder is `folder`."""
    runs = map(read_run, folder.absolute().glob(".everybatch/*"))
    return [run for run in runs if run is not None]


def newest_run(runs: Iterable[RegisteredRun]) -> RegisteredRun | None:
    """The newest of `runs`, a live one first; None if there is none."""
    return max(runs, key=lambda run: (run.live, run.started_at), default=None)


def _index() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "everybatch" / "runs"


def _registered() -> Iterator[Path]:
    """Folders of the index; entries whose folder is gone are removed."""
    index = _index()
    for entry in index.iterdir() if index.is_dir() else ():
        try:
            folder = Path(entry.read_text("utf-8").strip())
        except OSError:
            continue
        if folder.is_dir():
            yield folder
        else:
            entry.unlink(missing_ok=True)
