"""One rank: its process from the first line to the last."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

import torch
import torch.distributed as dist

from ..log.catalogue import Catalogue
from ..log.streams import prepare_streams
from ..metrics.events import Finished, RankFailed
from ..reporting.reporter import Channel, Reporter
from .checkpoint import read_checkpoint
from .config import TrainConfig
from .control import Control
from .failures import EndedEarlyError
from .last_word import last_word
from .loop import Loop
from .patience import FAR, Patience, nccl_timeout
from .random_state import seed_all
from .safe_path import restore_safe_path
from .task import build_task
from .task_folder import open_task_folder
from .task_options import Needs


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
    needs: Needs
    checkpoint: Path | None
    """Where to go on from."""
    step: int
    """Batches that earlier attempts did."""


def run_rank(job: RankJob, channels: list[Channel], commands: Connection) -> None:
    """What the launcher calls in each process. `commands` is meant for rank 0."""
    rank = int(os.environ["RANK"])
    restore_safe_path()
    open_task_folder()
    # Data loaders start their workers as they would in a script of its own, not from another fork server.
    multiprocessing.set_start_method(None, force=True)
    _keep_output(job.logs[rank])
    end_with_parent()
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
            _end_children()
            raise error from None
        reporter.send(Finished(rank, status, _left_over()))


def _train(job: RankJob, rank: int, device: torch.device, commands: Connection, reporter: Reporter) -> str:
    config = job.config
    if "OMP_NUM_THREADS" not in os.environ and device.type == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // job.world_size))
    control = Control(rank, commands if rank == 0 else None)
    patience = Patience(
        config.timeout,
        progress=lambda: (reporter.progress, control.exchanges),
        gpu_waits=lambda: reporter.gpu_is_behind,
        lost=lambda seconds: _waited_too_long(rank, seconds, reporter, config.lang),
    )
    with patience if job.world_size > 1 else nullcontext():
        dist.init_process_group(job.backend, timeout=FAR if job.backend == "gloo" else nccl_timeout(config.timeout))
        control.group = group = _control_group(job)
        seed_all(config.seed)  # the same weights everywhere
        loop = Loop(
            build_task(config),
            config,
            rank=rank,
            group=group,
            device=device,
            control=control,
            patience=patience,
            reporter=reporter,
            checkpoints=job.checkpoints,
            needs=job.needs,
        )
        seed_all(config.seed + 1 + rank)  # different dropout
        if job.checkpoint is not None:
            loop.restore(read_checkpoint(job.checkpoint, check=False))
        status = loop.run()
        dist.destroy_process_group()  # never after an exception: NCCL may hang in it
    return status


def _control_group(job: RankJob) -> dist.ProcessGroup | None:
    """A gloo group of all ranks, None for a single one. Another one where the first will do costs a rank 0.5 %."""
    if job.world_size == 1:
        return None
    return dist.group.WORLD if job.backend == "gloo" else dist.new_group(backend="gloo", timeout=FAR)


def _waited_too_long(rank: int, seconds: float, reporter: Reporter, lang: str) -> None:
    """End this rank, whose main thread waits for another one for ever."""
    message = Catalogue(lang).text("waited", seconds=seconds)
    word = RankFailed(rank, "WaitedTooLong", message, "", time.monotonic(), victim="waited")
    reporter.send(word)
    print(message, file=sys.stderr)
    faulthandler.dump_traceback(all_threads=True)
    reporter.close()
    os._exit(1)


def _left_over() -> bool:
    """Whether Python will wait for something that the task started."""
    threads = [thread for thread in threading.enumerate() if not thread.daemon]
    children = [child for child in multiprocessing.active_children() if not child.daemon]
    return len(threads) > 1 or bool(children)


def _end_children() -> None:
    """Kill what the data loaders started, which ignores gentler signals, and would be waited for at the exit."""
    for child in multiprocessing.active_children():
        child.kill()


def _keep_output(log: Path) -> None:
    """Whatever this process prints, native code included, goes to the rank's log; crashes leave their stacks."""
    prepare_streams()
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)


def end_with_parent() -> None:
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
