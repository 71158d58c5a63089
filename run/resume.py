"""Going on with a run: which one, with what config, and whether that can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec

from ..engine.config import TrainConfig, config_from
from ..errors import UsageError
from ..metrics.records import Start
from .preflight import Plan
from .registry import LIVE, RegisteredRun, find_run, newest_run, read_run, runs_below
from .run_folder import RunFolder

SAME = ("task", "seed", "amp")
"""A run keeps these flags for ever: with other values it would be another run."""
SAME_IN_AN_EPOCH = ("batch_size", "nproc")
"""These flags decide which samples are in a batch, so they may change only between two epochs."""
SAME_WITH_SCHEDULER = ("epochs", "lr")
"""A schedule of learning rates depends on these flags."""
TOLD = ("epochs", "lr", "batch_size", "nproc", "grad_clip", "data", "device", "workers")
"""Changes of these flags are reported, because they change the training. Others may change silently."""


@dataclass(frozen=True)
class Earlier:
    """A run as its earlier attempts left it."""

    folder: RunFolder
    config: TrainConfig
    """With the number of ranks that it really had."""
    attempt: int
    """Number of the last one."""
    finished: bool
    elsewhere: bool = False
    """The last one went on under another kernel when it was last heard of: its lock may be there still."""


def find_resumable(asked: str, output_dir: Path, *, take_over: bool) -> RegisteredRun:
    """The run that ``--resume`` names; `latest` is the newest of `output_dir`, else of all. Raises `UsageError`.

    One that may still go on elsewhere is resumable if it is to `take_over`.
    """
    here = newest_run(runs_below(output_dir)) if asked == "latest" else None
    run = here or find_run(None if asked == "latest" else asked)
    check_gone(run, take_over=take_over)
    return run


def check_gone(run: RegisteredRun, *, take_over: bool) -> None:
    """Raise `UsageError` for a run that goes on; `take_over` allows one of which that cannot be told for sure."""
    if run.state not in (*LIVE, "silent"):
        return
    liveness = run.liveness
    if liveness.certain:
        raise UsageError("resume_live", run=run.run_id)
    if not take_over:
        raise UsageError("resume_elsewhere", run=run.run_id, host=run.host, seconds=int(liveness.silent_seconds))


def read_earlier(private: Path, *, take_over: bool = False) -> Earlier:
    """The run whose private folder this is; raises `UsageError` when its run.json is no good, or it goes on.

    One that may still go on elsewhere is taken if it is to `take_over`.
    """
    run = read_run(private)
    if run is None:
        raise UsageError("no_run_at", path=str(private))
    if run.content.get("kind") == "loop":
        raise UsageError("loop_resume_here", run=run.run_id)
    check_gone(run, take_over=take_over)
    try:
        saved = msgspec.convert(run.content["config"], dict[str, object])
        config = config_from({**saved, "nproc": run.content["world_size"]})
        attempt = msgspec.convert(run.content["attempt"], int)
    except (KeyError, msgspec.ValidationError) as error:
        raise UsageError("resume_damaged", path=str(private / "run.json"), reason=str(error)) from error
    root = run.folder.root
    return Earlier(
        RunFolder(Path() if root == Path.cwd() else root, run.run_id),
        config,
        attempt,
        run.state == "finished",
        run.elsewhere and not run.ended,
    )


def check_same(earlier: Earlier, config: TrainConfig) -> None:
    """Raise `UsageError` for what makes it another run; needs no torch, so it answers at once."""
    changes = _changes(earlier, config, SAME)
    if changes:
        _refuse(earlier, changes)


def check_resume(earlier: Earlier, config: TrainConfig, plan: Plan, start: Start) -> list[tuple[str, str, str]]:
    """What `config` changes: flag, old and new value. Raises `UsageError` for what cannot be."""
    changes = _changes(earlier, dataclasses.replace(config, nproc=plan.world_size), TOLD)
    fixed: set[str] = set()
    if start.batch or plan.found.planned:
        fixed |= set(SAME_IN_AN_EPOCH)
    if plan.found.planned:
        fixed |= set(SAME_WITH_SCHEDULER)
    refused = [change for change in changes if change[0].removeprefix("--") in fixed]
    if refused:
        _refuse(earlier, refused)
    if earlier.finished and start.epoch > config.epochs:
        raise UsageError("resume_finished", run=earlier.folder.run_id, epochs=config.epochs)
    return changes


def _changes(earlier: Earlier, config: TrainConfig, names: Sequence[str]) -> list[tuple[str, str, str]]:
    return [
        (f"--{name}", str(getattr(earlier.config, name)), str(getattr(config, name)))
        for name in names
        if getattr(earlier.config, name) != getattr(config, name)
    ]


def _refuse(earlier: Earlier, changes: Sequence[tuple[str, str, str]]) -> NoReturn:
    told = ", ".join(f"{flag} {old} → {new}" for flag, old, new in changes)
    raise UsageError("resume_differs", run=earlier.folder.run_id, changes=told)
