"""Which checkpoint somebody means who wants to use what a run has learnt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from .paths import is_file, is_folder, real
from .registry import find_run, read_run, runs_below

KINDS = ("best.pt", "last.pt")
"""In the order in which they are used."""
SUFFIX = ".pt"


@dataclass(frozen=True)
class Weights:
    """Checkpoints that may be used, the best first."""

    run_id: str
    """Empty where a file or a folder of them was named."""
    paths: list[Path]


def find_weights(asked: str | None) -> Weights:
    """The checkpoints of a run that is named as for all commands, or by a file or folder of them.

    Raises `UsageError` if there is no such run, or none of its checkpoints.
    """
    if asked is not None and is_file(asked):
        return Weights("", [Path(asked)])
    if asked is not None and (inside := checkpoints_in(Path(asked))):
        return Weights("", inside)
    run = find_run(asked)
    config = run.content.get("config")
    task = str(config.get("task", "")) if isinstance(config, dict) else ""
    if run.foreign:
        raise UsageError("predict_other_task", name=run.run_id, task=task or run.foreign)
    paths = checkpoints_in(run.folder.checkpoints)
    if not paths:
        raise UsageError("predict_no_checkpoint", run=run.run_id, path=str(run.folder.checkpoints))
    return Weights(run.run_id, paths)


def may_name_run(text: str) -> bool:
    """Whether `text` may be the name of a run or a checkpoint; not what is there and is something else."""
    if is_file(text):
        return text.endswith(SUFFIX)
    if not is_folder(text):
        return True
    path = real(text)
    return bool(checkpoints_in(path) or read_run(path) or runs_below(path))


def checkpoints_in(folder: Path) -> list[Path]:
    """Those of a folder that may be used, the best first."""
    return [folder / kind for kind in KINDS if is_file(folder / kind)]
