"""Starts the ranks of one attempt through torch.distributed's elastic launcher, and learns how each one ended.

An attempt is one fresh `elastic_launch` without restarts of its own, in a thread, so that it handles no signal.
Elastic reports a single failure, often that of an innocent rank which lost its peer; so the processes are watched
here too, and the order in which they died is kept.
"""

from __future__ import annotations

import contextlib
import logging
import math
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from multiprocessing.process import BaseProcess
from typing import Any

import psutil

from ..engine.announce import ANNOUNCEMENT, announced
from .rank_exit import RankExit

PATIENCE_SECONDS = 2.0
"""From the first failure to the end of all ranks: time for them to say what they saw."""

STACK_SECONDS = 0.5
"""For ranks that are still there after that to write their stacks into their logs, before they are killed."""

FINISH_SECONDS = 30.0
"""For ranks that have finished to end, whatever functions Python calls at its exit."""

LEFT_OVER_SECONDS = 5.0
"""The same when they have said that threads or processes of their task still live."""

RETURN_SECONDS = 5.0
"""For elastic to see that no rank is left. It sets an event that finished ranks wait for, and when one of them was
killed in that wait, setting it never returns."""


class Launcher:
    """One attempt: `world_size` processes that each call ``entry(*args)``."""

    def __init__(self, entry: Callable[..., None], args: Sequence[Any], world_size: int, name: str) -> None:
        """`name` must be new for each attempt."""
        self.ended = threading.Event()
        """Set when no rank is left."""
        self.error = ""
        """Why the ranks were not started at all; empty if they were."""
        self.left_over: list[int] = []
        """Ranks that had finished, and had to be ended all the same."""
        self._entry = entry
        self._args = args
        self._world_size = world_size
        self._name = name
        self._announced, self._announcing = multiprocessing.Pipe(duplex=False)
        self._foreign = set(multiprocessing.active_children())  # of the task, which is built in this process too
        self._pids: dict[int, int] = {}
        """By rank, as the ranks told."""
        self._processes: dict[int, BaseProcess] = {}
        self._died_at: dict[int, float] = {}
        self._exitcodes: dict[int, int] = {}
        """What elastic saw."""
        self._killed = False
        self._killed_ranks: set[int] = set()
        self._failed_at = math.inf
        self._end_at = math.inf
        self._returned = threading.Event()
        self._error_files = tempfile.mkdtemp(prefix="everybatch_")
        threading.Thread(target=self._launch, name="launcher", daemon=True).start()
        threading.Thread(target=self._watch, name="rank watch", daemon=True).start()

    def kill(self) -> None:
        """End all ranks at once, with the processes they started."""
        self._killed = True
        for rank, process in list(self._processes.items()):
            if process.pid is not None and rank not in self._died_at:
                self._killed_ranks.add(rank)
                kill_tree(process.pid)

    def failed(self) -> None:
        """A rank has said that it failed: from now on, no rank has long to live."""
        self._failed_at = min(self._failed_at, time.monotonic())

    def finished(self, *, left_over: bool) -> None:
        """All ranks have said that they finished: they may end by themselves, but not for ever.

        With `left_over`, one of them has threads or processes that may never end.
        """
        self._end_at = min(self._end_at, time.monotonic() + (LEFT_OVER_SECONDS if left_over else FINISH_SECONDS))

    def exits(self) -> list[RankExit]:
        """How the ranks ended, the first death first; call it after `ended`."""
        return [
            RankExit(rank, self._pids.get(rank, 0), self._exitcode(rank), at, rank in self._killed_ranks)
            for rank, at in self._died_at.items()
        ]

    def _launch(self) -> None:
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
        from torch.distributed.launcher.api import LaunchConfig, elastic_launch

        # Its warnings repeat, at length, what is said in one line here.
        for name in ("torch.distributed.elastic", "torch.multiprocessing"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
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
            elastic_launch(config, announced)(self._announcing, self._entry, *self._args)
        except ChildFailedError as error:  # the caller asks `exits`
            self._exitcodes = {rank: failure.exitcode for rank, failure in error.failures.items()}
        except Exception as error:  # noqa: BLE001 - whatever elastic met must reach the user
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._returned.set()

    def _watch(self) -> None:
        self._await_processes()
        alive: dict[Any, int] = {process.sentinel: rank for rank, process in self._processes.items()}
        while alive:
            for sentinel in wait(list(alive), timeout=0.1):
                self._died_at[alive.pop(sentinel)] = time.monotonic()
            if alive:
                self._end_those_who_stay(list(alive.values()))
        self._returned.wait(RETURN_SECONDS)
        shutil.rmtree(self._error_files, ignore_errors=True)
        self._announced.close()
        self._announcing.close()
        self.ended.set()

    def _end_those_who_stay(self, alive: list[int]) -> None:
        now = time.monotonic()
        # A rank that finishes waits for the others before it ends, so a lone death is a failure.
        failed_at = min([self._failed_at, *self._died_at.values()])
        if self._killed:
            self.kill()
        elif self._end_at < math.inf:
            if now > self._end_at:
                self.left_over = sorted(alive)
                self.kill()
        elif now > failed_at + PATIENCE_SECONDS:
            self._dump_stacks(alive)
            self.kill()

    def _dump_stacks(self, ranks: list[int]) -> None:
        for rank in ranks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._processes[rank].pid or 0, signal.SIGUSR1)
        time.sleep(STACK_SECONDS)

    def _await_processes(self) -> None:
        """Wait until all ranks are there or elastic has given up.

        A rank's first deed is to tell its number and pid: the task may have started processes of its own, and more
        of them meanwhile, so nothing else tells which processes are ranks.
        """
        while len(self._processes) < self._world_size:
            returned = self._returned.is_set()
            # active_children() reaps, and so does elastic: each call could take an exit code from the other, so
            # it is called no more often than needed.
            if self._hear() or returned:
                children = {process.pid: process for process in multiprocessing.active_children()}
                for rank, pid in self._pids.items():
                    if pid in children:
                        self._processes.setdefault(rank, children[pid])
            if returned:
                self._add_silent()
                return
            if self._killed:
                self.kill()

    def _hear(self) -> bool:
        """Wait a moment for ranks to tell who they are; whether one did."""
        heard = False
        while self._announced.poll(0.0 if heard else 0.05):
            rank, pid = ANNOUNCEMENT.unpack(self._announced.recv_bytes(ANNOUNCEMENT.size))
            self._pids[rank] = pid
            heard = True
        return heard

    def _add_silent(self) -> None:
        """Elastic gave up: ranks that died before they could be heard or found still belong to the story."""
        for rank in set(self._pids) - set(self._processes):  # elastic has reaped it
            self._died_at[rank] = time.monotonic()
        # Elastic starts ranks in their order, so what never spoke are the missing ranks in the order of the pids.
        known = {process.pid for process in self._processes.values()}
        silent = [
            process
            for process in multiprocessing.active_children()
            if isinstance(process, ForkServerProcess)
            if process not in self._foreign and process.pid not in known
        ]
        missing = sorted(set(range(self._world_size)) - set(self._pids))
        for rank, process in zip(missing, sorted(silent, key=lambda one: one.pid or 0), strict=False):
            self._processes[rank] = process

    def _exitcode(self, rank: int) -> int:
        process = self._processes.get(rank)
        code = process.exitcode if process is not None else None
        return self._exitcodes.get(rank, -int(signal.SIGKILL)) if code is None else code


def kill_tree(pid: int) -> None:
    """End a process and those that it started."""
    try:
        family = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
