"""Hands what monitors and signals ask on to the ranks."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from multiprocessing.connection import Connection

from ..metrics.commands import Command
from .protocol import Reply, Request
from .recorder import Recorder

MOST_INTERVAL = 1_000_000


class RankCommands:
    """The run process's end of the way to rank 0; may be used by several threads."""

    def __init__(self, to_rank_0: Connection, recorder: Recorder) -> None:
        self.rank_pids: list[int] = []
        """In the order of the ranks; empty until all of them run."""
        self._to_rank_0 = to_rank_0
        self._recorder = recorder
        self._lock = threading.Lock()

    def send(self, command: Command) -> None:
        """Ask the ranks for it."""
        with self._lock:
            self._to_rank_0.send_bytes(bytes([command.code]))

    def handle(self, request: Request) -> Reply:
        """Do what a monitor asks."""
        match request.command:
            case Command.INTERVAL if 1 <= request.value <= MOST_INTERVAL:
                self._recorder.set_interval(request.value)
            case Command.INTERVAL:
                return Reply(taken=False, reason=f"interval {request.value}")
            case Command.STACKS:
                return self._dump_stacks()
            case Command.NONE | Command.STOP_NONFINITE:
                return Reply(taken=False, reason=request.command)
            case command:
                self._recorder.emit(f"{command}_asked")
                self.send(command)
        return Reply(taken=True)

    def _dump_stacks(self) -> Reply:
        for pid in self.rank_pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)
        self._recorder.emit("stacks_written", path=str(self._recorder.folder.rank_log(0).with_name("rank_*.log")))
        return Reply(taken=True)
