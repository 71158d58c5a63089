"""Which rank this process is: as torch.distributed knows, or the launcher told."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

LAUNCHERS = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
"""The variables in which torchrun and the like, mpirun and srun tell rank and world size."""
NODES = ("GROUP_RANK", "SLURM_NODEID")


@dataclass(frozen=True)
class Place:
    """Where this process stands among those that train together."""

    rank: int
    world_size: int
    node: int
    """0 for the first one, which has the run process."""


ALONE = Place(0, 1, 0)


def is_imported() -> bool:
    """Whether a child of `multiprocessing` imports its parent's script, as each worker of a loader does."""
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))


def loads_data() -> bool:
    """Whether this process is the worker of a loader."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None


def place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """The place of this process, as far as it can be known by now; None if it may still become one of several."""
    node = int(next((environment[name] for name in NODES if environment.get(name, "").isdigit()), "0"))
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return Place(distributed.get_rank(), distributed.get_world_size(), node)
    for rank, size in LAUNCHERS:
        if environment.get(rank, "").isdigit() and environment.get(size, "").isdigit():
            return Place(int(environment[rank]), int(environment[size]), node)
    return None if multiprocessing.parent_process() is not None else ALONE
