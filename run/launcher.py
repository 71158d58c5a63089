"""Starts the ranks of one attempt through torch.distributed's elastic launcher, and learns how each one ended.

An attempt is one fresh `elastic_launch` without restarts of its own, in a thread, so that it handles no signal.
Elastic reports a single failure, often that of an innocent rank which lost its peer; so the processes are watched
here too, and the order in which they died is kept.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

import psutil

PRELOAD = ["torch", "torch.distributed", "everybatch.engine.rank"]
"""What the ranks share: imported once, by the process they are forked from."""

PATIENCE_SECONDS = 2.0
"""From the first death to the end of the others: time for them to say what they saw."""

STACK_SECONDS = 0.5
"""For ranks that are still there after that to write their stacks into their logs, before they are killed."""

START_SECONDS = 60.0

RETURN_SECONDS = 5.0
"""For elastic to see that no rank is left. It sets an event that finished ranks wait for, and when one of them was
killed in that wait, setting it never returns."""


@dataclass(frozen=True)
class RankExit:
    """How the process of a rank ended."""

    pid: int
    exitcode: int
    """Negative: the signal that killed it."""
    at: float
    """`time.monotonic()`."""
    killed_by_us: bool


def warm_up() -> None:
    """Start the process that ranks are forked from, so that it imports torch while the caller does.

    It and the ranks ignore the signals a terminal or a scheduler sends to the whole group: the run process
    decides. (An ignored signal stays ignored in the children.)
    """
    multiprocessing.set_forkserver_preload(PRELOAD)
    ignored = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    try:
        forkserver.ensure_running()
    finally:
        for number, handler in zip(ignored, before, strict=True):
            signal.signal(number, handler)


class Launcher:
    """One attempt: `world_size` processes that each call ``entry(*args)``."""

    def __init__(self, entry: Callable[..., None], args: Sequence[Any], world_size: int, name: str) -> None:
        """`name` must be new for each attempt."""
        self.ended = threading.Event()
        """Set when no rank is left."""
        self.error = ""
        """Why the ranks were not started at all; empty if they were."""
        self._entry = entry
        self._args = args
        self._world_size = world_size
        self._name = name
        self._processes: list[BaseProcess] = []
        self._died_at: dict[int, float] = {}
        self._killed = False
        self._killed_pids: set[int] = set()
        self._returned = threading.Event()
        self._error_files = tempfile.mkdtemp(prefix="everybatch_")
        threading.Thread(target=self._launch, name="launcher", daemon=True).start()
        threading.Thread(target=self._watch, name="rank watch", daemon=True).start()

    def kill(self) -> None:
        """End all ranks at once, with the processes they started."""
        self._killed = True
        for process in self._processes:
            if process.pid is not None and process.pid not in self._died_at:
                self._killed_pids.add(process.pid)
                _kill_tree(process.pid)

    def exits(self) -> list[RankExit]:
        """How the ranks ended, the first death first; call it after `ended`."""
        return [
            RankExit(pid, _exitcode(process), at, pid in self._killed_pids)
            for pid, at in self._died_at.items()
            for process in self._processes
            if process.pid == pid
        ]

    def _launch(self) -> None:
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
        from torch.distributed.launcher.api import LaunchConfig, elastic_launch

        # Its warnings repeat, at length, what is said in one line here.
        logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=self._world_size,
            run_id=self._name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="127.0.0.1",
            max_restarts=0,
            monitor_interval=0.1,
            start_method="forkserver",
            logs_specs=DefaultLogsSpecs(log_dir=self._error_files),
        )
        try:
            elastic_launch(config, self._entry)(*self._args)
        except ChildFailedError:
            pass  # the caller asks `exits`
        except Exception as error:  # noqa: BLE001 - whatever elastic met must reach the user
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._returned.set()

    def _watch(self) -> None:
        self._processes = self._started()
        alive: dict[Any, BaseProcess] = {process.sentinel: process for process in self._processes}
        kill_at = float("inf")
        while alive:
            for sentinel in wait(list(alive), timeout=0.1):
                process = alive.pop(sentinel)
                self._died_at[process.pid or 0] = time.monotonic()
            if alive and self._died_at:
                # A rank that finishes waits for the others before it ends, so a lone death is a failure.
                kill_at = min(kill_at, next(iter(self._died_at.values())) + PATIENCE_SECONDS)
            if self._killed:
                self.kill()
            elif time.monotonic() > kill_at:
                self._dump_stacks(list(alive.values()))
                self.kill()
        self._returned.wait(RETURN_SECONDS)
        shutil.rmtree(self._error_files, ignore_errors=True)
        self.ended.set()

    def _dump_stacks(self, processes: list[BaseProcess]) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid or 0, signal.SIGUSR1)
        time.sleep(STACK_SECONDS)

    def _started(self) -> list[BaseProcess]:
        """The rank processes, once all of them are there or elastic has given up."""
        # active_children() reaps, and so does elastic: each call could take an exit code from the other, so
        # it is not called more often than needed.
        deadline = time.monotonic() + START_SECONDS
        while True:
            processes = multiprocessing.active_children()
            if len(processes) >= self._world_size or self._returned.is_set() or time.monotonic() > deadline:
                return sorted(processes, key=lambda process: process.pid or 0)
            time.sleep(0.05)


def _exitcode(process: BaseProcess) -> int:
    code = process.exitcode
    return -int(signal.SIGKILL) if code is None else code


def _kill_tree(pid: int) -> None:
    try:
        family = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
