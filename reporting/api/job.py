"""Which job a rank belongs to: what its ranks have in common, and no other job that goes on at the same time."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

ATTEMPT = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")
OF_A_LAUNCHER = (
    ("OMPI_COMM_WORLD_RANK", ("PMIX_NAMESPACE",)),
    ("SLURM_PROCID", ("SLURM_JOB_ID", "SLURM_STEP_ID")),
)
"""The variable in which a launcher tells a rank, and those that name its job."""


def job_of(environment: Mapping[str, str] = os.environ) -> str:
    """A name for the job of this process, from the first of what follows that is there.

    1. the port or the file at which the ranks met, where torch.distributed is initialized;
    2. ``MASTER_PORT``, at which they will meet: torchrun, accelerate, deepspeed and many scripts tell it;
    3. the process that started this one by `multiprocessing`, as `torch.multiprocessing.spawn` does;
    4. the job of mpirun, or the step of srun, if it is that which told this process its rank;
    5. the parent process, with the current folder and the script.

    A port has one owner on a machine, so 1 and 2 are the same name for the same job. Below another job, an
    environment that was inherited says nothing: 3 stands before 4. torchrun's attempts are jobs of their own.
    """
    told = [f"{name}={environment[name]}" for name in ATTEMPT if environment.get(name)]
    told += _meeting_place() or _port(environment) or _spawner() or _launcher(environment) or _parent()
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _meeting_place() -> list[str]:
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return []
    try:
        store = distributed.distributed_c10d._get_default_store()
    except (AttributeError, ValueError):
        return []
    while (inner := getattr(store, "underlying_store", None)) is not None:
        store = inner
    if port := getattr(store, "port", None):
        return [f"port={port}"]
    path = getattr(store, "path", None)
    return [f"file={path}"] if path else []


def _port(environment: Mapping[str, str]) -> list[str]:
    port = environment.get("MASTER_PORT")
    return [f"port={port}"] if port else []


def _spawner() -> list[str]:
    parent = multiprocessing.parent_process()
    return [] if parent is None or parent.pid is None else [_started(parent.pid)]


def _launcher(environment: Mapping[str, str]) -> list[str]:
    if environment.get("RANK"):
        return []
    for rank, names in OF_A_LAUNCHER:
        if environment.get(rank) and any(environment.get(name) for name in names):
            return [f"{name}={environment.get(name)}" for name in names]
    return []


def _parent() -> list[str]:
    return [_started(os.getppid()), os.path.realpath(os.curdir), Path(sys.argv[0]).name]


def _started(pid: int) -> str:
    """A process, as no other one that had or gets its number."""
    try:
        return f"{pid}@{psutil.Process(pid).create_time()}"
    except psutil.Error:
        return str(pid)
