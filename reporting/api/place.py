"""Which rank this process is: as torch.distributed knows, or the launcher told."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from ..children import is_child
from .group_store import group_store

LAUNCHERS = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
"""The variables in which torchrun and the like, mpirun and srun tell rank and world size."""
NODES = ("GROUP_RANK", "SLURM_NODEID")
OF_A_JOB = (
    "TORCHELASTIC_RUN_ID",
    "TORCHELASTIC_RESTART_COUNT",
    "MASTER_ADDR",
    "MASTER_PORT",
    "SLURM_JOB_ID",
    "SLURM_STEP_ID",
    "PMIX_NAMESPACE",
)
"""What all ranks of a job have in common."""
OF_ONE_JOB = ("MASTER_PORT", "SLURM_STEP_ID", "PMIX_NAMESPACE")
"""Those that no other job of this machine has at the same time."""


@dataclass(frozen=True)
class Place:
    """Where this process stands among those that train together."""

    rank: int
    world_size: int
    node: int
    """0 for the first one, which has the run process."""


ALONE = Place(0, 1, 0)


def place(environment: Mapping[str, str] = os.environ, *, certain: bool = True) -> Place | None:
    """The place of this process, as far as it can be known by now; None if it may still become one of several.

    A child of `multiprocessing` is one of those: it may only load data, with what a launcher told its parent in its
    environment. Without `certain`, that is taken for its own.
    """
    node = int(next((environment[name] for name in NODES if environment.get(name, "").isdigit()), "0"))
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return Place(distributed.get_rank(), distributed.get_world_size(), node)
    if certain and is_child():
        return None
    for rank, size in LAUNCHERS:
        if environment.get(rank, "").isdigit() and environment.get(size, "").isdigit():
            return Place(int(environment[rank]), int(environment[size]), node)
    return ALONE


def job_of(environment: Mapping[str, str] = os.environ) -> str:
    """A name that all ranks of this job find, and nobody else.

    Where the environment does not tell one job from another, the store of their process group does; where there is
    no group yet, they are the children of one process.
    """
    told = [f"{name}={environment[name]}" for name in OF_A_JOB if environment.get(name)]
    if not any(environment.get(name) for name in OF_ONE_JOB):
        told.append(group_store() or _parent())
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]


def _parent() -> str:
    parent = os.getppid()
    try:
        return f"{parent}@{psutil.Process(parent).create_time()}"
    except psutil.Error:
        return str(parent)
