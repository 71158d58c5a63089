"""Notices that somebody else starts this command several times, where we start the ranks ourselves."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import UsageError

COPIES = (
    ("torchrun", "WORLD_SIZE", "RANK"),
    ("mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("mpirun", "PMI_SIZE", "PMI_RANK"),
    ("srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    ("srun", "SLURM_NTASKS", "SLURM_PROCID"),
)
"""A launcher, and the variables in which it tells each copy how many there are and which one it is."""


def check_launcher(environment: Mapping[str, str]) -> None:
    """Raise `UsageError` if this is one of several copies of the same command."""
    for launcher, copies, number in COPIES:
        if launcher == "srun" and _is_batch_script(environment):
            continue
        count = environment.get(copies, "")
        if count.isdigit() and number in environment:
            if int(count) > 1:
                told = f"{number}={environment[number]}, {copies}={count}"
                raise UsageError("other_launcher", launcher=launcher, variables=told)
            if launcher == "srun":  # a step may have fewer tasks than its job
                return


def _is_batch_script(environment: Mapping[str, str]) -> bool:
    """Whether Slurm runs this as the script of a job: there is one copy, however many tasks it asked for."""
    step = environment.keys() & {"SLURM_STEP_ID", "SLURM_STEPID", "SLURM_STEP_NUM_TASKS"}
    return not step and environment.get("SLURM_PROCID") == environment.get("SLURM_GTIDS") == "0"
