"""Which rank this process is: as torch.distributed knows, or the launcher told."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ..children import is_child

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
