"""Looks at the machine, the task and its data before anything is written: every mistake is one clear line."""

from __future__ import annotations

import os
from collections.abc import Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.config import TrainConfig
from ..engine.task import Task, build_task, describe, metric_names
from ..errors import UsageError


@dataclass(frozen=True)
class Plan:
    """What will be started."""

    world_size: int
    device: str
    """`cpu` or `cuda`."""
    metric_names: tuple[str, ...]
    validates: bool
    scheduled: bool
    """The task has a schedule of learning rates."""

    @property
    def backend(self) -> str:
        """Of torch.distributed."""
        return "nccl" if self.device == "cuda" else "gloo"


def check_files(config: TrainConfig) -> None:
    """Raise `UsageError` for folders that cannot be used; needs no torch, so it answers at once."""
    if config.task == "image_folder":
        if config.data is None:
            raise UsageError("data_needed")
        if not config.data.is_dir():
            raise UsageError("data_missing", path=str(config.data))
    _check_output_dir(config.output_dir)


def check_run(config: TrainConfig) -> Plan:
    """Build the task once and look at its data; raises `UsageError`."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if config.device == "cuda" and gpus == 0:
        raise UsageError("no_cuda")
    device = "cuda" if gpus and config.device != "cpu" else "cpu"
    if device == "cuda" and config.nproc > gpus:
        raise UsageError("too_few_gpus", nproc=config.nproc, gpus=gpus)
    world_size = config.nproc or (gpus if device == "cuda" else min(2, _cores()))

    task = _built(config)
    samples = _length(config, task, "train_data")
    if samples is None or samples == 0:
        raise UsageError("task_no_samples", task=config.task)
    if world_size > samples:
        raise UsageError("ranks_over_samples", nproc=world_size, samples=samples)
    validates = bool(_length(config, task, "val_data"))
    return Plan(world_size, device, metric_names(task), validates, hasattr(task, "scheduler"))


def _built(config: TrainConfig) -> Task:
    try:
        return build_task(config)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError("task_build", task=config.task, method="__init__", reason=describe(error)) from error


def _length(config: TrainConfig, task: Task, method: str) -> int | None:
    try:
        data: Any = getattr(task, method)()
    except UsageError:
        raise
    except Exception as error:
        raise UsageError("task_build", task=config.task, method=method, reason=describe(error)) from error
    if data is None and method == "val_data":
        return None
    if not isinstance(data, Sized):
        raise UsageError("task_length", task=config.task, method=method)
    return len(data)


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
