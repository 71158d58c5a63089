"""How long a rank waits for the others: a thread in each rank ends it when it has waited too long.

The timeouts of torch's groups cannot judge that. They go by a clock that runs on while everything is suspended (a
laptop that sleeps, a job that its cluster stops for a while), so the rank that happens to wait would die when it
goes on. They cannot be changed while a rank waits, either. So they are set far away, and this thread counts the
seconds in which it really ran while its rank waited for the others and did nothing else.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

FAR = timedelta(days=7)
"""Of groups on the CPU. In milliseconds, it fits into 32 bits."""

FIRST_BATCH = 3
"""The first batch may take so many times as long as the others: compilers and caches warm up."""

SAVE_SECONDS = 1800.0
"""How long ranks wait for the one that writes a checkpoint: as long as torch waits by itself."""

TICK_SECONDS = 0.25

IDLE_SHARE = 0.2
"""Of a tick: a main thread that used more of a core did not just wait."""

_TORCH = Path(torch.__file__).parent
WAITING_IN = (
    str(_TORCH / "distributed"),
    str(_TORCH / "nn" / "parallel" / "distributed.py"),
    str(_TORCH / "autograd" / "graph.py"),
)
"""Code of torch in which a rank waits for others; the last one runs backward, where DDP exchanges gradients."""


def nccl_timeout(seconds: float) -> timedelta:
    """Of groups on GPUs, a last resort: on these the host seldom waits where it can be seen."""
    return timedelta(seconds=max(SAVE_SECONDS, 10 * seconds))


class Patience:
    """Watches the thread that makes it, while its block runs."""

    def __init__(
        self,
        seconds: float,
        *,
        progress: Callable[[], object],
        gpu_waits: Callable[[], bool],
        lost: Callable[[float], None],
    ) -> None:
        """`seconds` are for a batch; the first one is given more.

        `progress` tells something that changes whenever the rank gets on. `gpu_waits` tells whether the GPU has
        work that it does not finish. `lost` is called, in the thread that watches, with the seconds of a wait that
        was too long.
        """
        self._batch_seconds = seconds
        self._limit = FIRST_BATCH * seconds
        self._progress = progress
        self._gpu_waits = gpu_waits
        self._lost = lost
        self._watched = threading.get_ident()
        self._cpu_clock = time.pthread_getcpuclockid(self._watched)
        self._ended = threading.Event()

    def __enter__(self) -> Patience:
        threading.Thread(target=self._run, name="patience", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def first_batch_done(self, group: dist.ProcessGroup | None, device: torch.device) -> None:
        """From here on no step is slow for a good reason; all ranks must call it.

        A rank whose first batch is done may be far ahead of one that still compiles. CUDA works on its own, so the
        host has to wait for it, and then for the other ranks, before anybody loses patience.
        """
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if group is not None:
            dist.barrier(group)
        self._limit = self._batch_seconds

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Around what all ranks do for a checkpoint: a slow disk is not a rank that hangs."""
        before, self._limit = self._limit, max(SAVE_SECONDS, self._limit)
        yield
        self._limit = before

    def _run(self) -> None:
        waited = 0.0
        at, used, progress = time.monotonic(), time.clock_gettime(self._cpu_clock), self._progress()
        while not self._ended.wait(TICK_SECONDS):
            now, used_now, progress_now = time.monotonic(), time.clock_gettime(self._cpu_clock), self._progress()
            tick = min(now - at, 2 * TICK_SECONDS)  # a longer one was no tick: the process stood still
            idle = used_now - used < IDLE_SHARE * tick
            if progress_now == progress and ((idle and self._waits()) or self._gpu_waits()):
                waited += tick
            else:
                waited = 0.0
            at, used, progress = now, used_now, progress_now
            if waited > self._limit:
                self._lost(waited)
                return

    def _waits(self) -> bool:
        """Whether the innermost Python code of the watched thread is torch's for collectives."""
        frame = sys._current_frames().get(self._watched)
        return frame is not None and frame.f_code.co_filename.startswith(WAITING_IN)
