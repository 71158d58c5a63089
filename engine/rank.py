"""One rank: its process from the first line to the last."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import random
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from ..metrics.events import Finished
from ..reporting.reporter import Channel, Reporter
from .checkpoint import read_checkpoint
from .config import TrainConfig
from .control import Control
from .last_word import last_word
from .loop import Loop
from .task import build_task

FIRST_BATCH_PATIENCE = 3
"""The first batch may take so many times as long as the others: compilers and caches warm up."""


@dataclass(frozen=True)
class RankJob:
    """What every rank is told."""

    config: TrainConfig
    checkpoints: Path
    """Folder of last.pt and best.pt."""
    logs: tuple[Path, ...]
    """Where what each rank prints goes, by rank."""
    world_size: int
    device: str
    """`cpu` or `cuda`."""
    backend: str
    checkpoint: Path | None
    """Where to go on from."""
    step: int
    """Batches that earlier attempts did."""


class EndedEarlyError(Exception):
    """User code called `sys.exit`: whatever its code, the rank has not finished."""


def run_rank(job: RankJob, channels: list[Channel], commands: Connection) -> None:
    """What the launcher calls in each process. `commands` is meant for rank 0."""
    rank = int(os.environ["RANK"])
    # Data loaders start their workers as they would in a script of its own, not from another fork server.
    multiprocessing.set_start_method(None, force=True)
    _keep_output(job.logs[rank])
    _end_with_parent()
    device = _device(job.device)
    with Reporter(channels[rank], rank=rank, step=job.step) as reporter:
        try:
            status = _train(job, rank, device, commands, reporter)
        except BaseException as error:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a loader worker that dies now must not interrupt this
            if isinstance(error, SystemExit):
                error = EndedEarlyError(f"sys.exit({error.code!r})").with_traceback(error.__traceback__)
            reporter.send(last_word(rank, error, job.config.lang))
            traceback.print_exception(error)
            raise error from None
        reporter.send(Finished(rank, status))


def _train(job: RankJob, rank: int, device: torch.device, commands: Connection, reporter: Reporter) -> str:
    config = job.config
    if "OMP_NUM_THREADS" not in os.environ and device.type == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // job.world_size))
    patience = timedelta(seconds=FIRST_BATCH_PATIENCE * config.timeout)
    dist.init_process_group(job.backend, timeout=patience)
    group = _control_group(job, patience)
    _seed(config.seed)  # the same weights everywhere
    loop = Loop(
        build_task(config),
        config,
        rank=rank,
        group=group,
        device=device,
        control=Control(rank, group, commands if rank == 0 else None),
        reporter=reporter,
        checkpoints=job.checkpoints,
    )
    _seed(config.seed + 1 + rank)  # different dropout
    if job.checkpoint is not None:
        loop.restore(read_checkpoint(job.checkpoint, check=False))
    status = loop.run()
    dist.destroy_process_group()  # never after an exception: NCCL may hang in it
    return status


def _control_group(job: RankJob, patience: timedelta) -> dist.ProcessGroup | None:
    """A gloo group of all ranks, None for a single one. Another one where the first will do costs a rank 0.5 %."""
    if job.world_size == 1:
        return None
    return dist.group.WORLD if job.backend == "gloo" else dist.new_group(backend="gloo", timeout=patience)


def _keep_output(log: Path) -> None:
    """Whatever this process prints, native code included, goes to the rank's log; crashes leave their stacks."""
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)


def _end_with_parent() -> None:
    """End when the run process is gone: nobody would record or stop this rank any more."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        print("the run process is gone", file=sys.stderr)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def _device(kind: str) -> torch.device:
    if kind == "cpu":
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    return device


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
