"""Looks at the machine, the task and its data before anything is written: every mistake is one clear line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.config import TrainConfig
from ..engine.task import Progress, Said, Task, build_task, describe, some_of
from ..errors import UsageError

if TYPE_CHECKING:
    from ..engine.trial import Found

BACKENDS = {"cpu": "gloo", "cuda": "nccl"}
"""Of torch.distributed, by device."""


@dataclass(frozen=True)
class Plan:
    """What will be started."""

    world_size: int
    device: str
    """`cpu` or `cuda`."""
    found: Found
    """What the trial of the task found out."""

    @property
    def backend(self) -> str:
        """Of torch.distributed."""
        return BACKENDS[self.device]

    @property
    def metric_names(self) -> tuple[str, ...]:
        """What a validation measures beside the loss."""
        return self.found.columns

    @property
    def value_names(self) -> tuple[str, ...]:
        """What a batch of training has beside the loss."""
        return self.found.value_names

    @property
    def score(self) -> str:
        """Which of them the best epoch is judged by; empty for the loss."""
        return self.found.score_name

    def notices(self) -> Iterator[Said]:
        """What was found in the data, and what is done that the task does not say."""
        found = self.found
        yield from found.said
        if found.unused:
            yield "unused_parameters", {"names": some_of(found.unused)}
        if found.needs.drop_last:
            yield "last_batch_dropped", {}
        if found.shared_stream:
            yield "stream_shared", {"count": self.world_size}


def check_files(config: TrainConfig) -> None:
    """Raise `UsageError` for folders that cannot be used; needs no torch, so it answers at once."""
    if config.task == "image_folder":
        if config.data is None:
            raise UsageError("data_needed")
        if not config.data.is_dir():
            raise UsageError("data_missing", path=str(config.data))
    _check_output_dir(config.output_dir)


def check_run(
    config: TrainConfig, checkpoint: Path | None, enter: Callable[[str], None], progress: Progress
) -> Plan:
    """Build the task once and try it; raises `UsageError`. For a process of its own, which it leaves changed.

    `checkpoint` is where the run goes on; `enter` is told which function of the task comes next, and `progress` how
    many files of somebody's data are read.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if config.device == "cuda" and gpus == 0:
        raise UsageError("no_cuda")
    device = "cuda" if gpus and config.device != "cpu" else "cpu"
    if device == "cuda" and config.nproc > gpus:
        raise UsageError("too_few_gpus", nproc=config.nproc, gpus=gpus)
    world_size = config.nproc or (gpus if device == "cuda" else min(2, _cores()))
    return Plan(world_size, device, _tried(config, checkpoint, device, world_size, enter, progress))


def _tried(
    config: TrainConfig,
    checkpoint: Path | None,
    device: str,
    world_size: int,
    enter: Callable[[str], None],
    progress: Progress,
) -> Found:
    import torch
    import torch.distributed as dist

    from ..engine.random_state import seed_all
    from ..engine.trial import Trial

    where = torch.device("cuda", 0) if device == "cuda" else torch.device("cpu")
    if device == "cuda":
        torch.cuda.set_device(where)
    store = dist.HashStore()  # type: ignore[attr-defined]  # which its stubs forgot
    dist.init_process_group(BACKENDS[device], store=store, rank=0, world_size=1)
    try:
        seed_all(config.seed)
        enter("__init__")
        return Trial(_built(config, progress), config, where, world_size, enter).run(checkpoint)
    finally:
        dist.destroy_process_group()


def _built(config: TrainConfig, progress: Progress) -> Task:
    try:
        return build_task(config, progress)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError("task_raised", task=config.task, method="__init__", reason=describe(error)) from error


def _check_output_dir(folder: Path) -> None:
    """The nearest folder that exists must let us make and write files; finds out without leaving one."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UsageError("output_dir", path=str(existing), reason="not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError("output_dir", path=str(existing), reason="permission denied")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
