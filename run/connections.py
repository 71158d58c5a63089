"""The connections of ranks that are not ours, and the processes at their other ends."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Iterable

import psutil

from .listener import SocketQueue
from .ranks import Ranks


class Connections:
    """All that came, in their order. `add` may be called in any thread."""

    def __init__(self) -> None:
        self.all: list[SocketQueue] = []
        self._processes: dict[int, psutil.Process] = {}

    def add(self, queue: SocketQueue) -> None:
        """One more."""
        self.lives(queue.pid)  # looked at while it is certain whose number that is
        self.all.append(queue)

    def look(self) -> bool:
        """Notice processes that are gone, though others may hold their connections; whether any is still open."""
        for connection in self.all:
            if not connection.ended and not self.lives(connection.pid):
                connection.close_when_read()
        return any(not connection.ended for connection in self.all)

    def lives(self, pid: int) -> bool:
        """Whether this very process is there; True where that cannot be told."""
        if not pid:
            return True
        try:
            if pid not in self._processes:
                self._processes[pid] = psutil.Process(pid)
            process = self._processes[pid]
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def send_signal(self, number: signal.Signals) -> None:
        """To each process that came and is still there; none that has the number of one which is gone gets it."""
        for pid in {connection.pid for connection in self.all if self.lives(connection.pid)}:
            if pid:
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    self._processes[pid].send_signal(number)

    def first_gone(self, ranks: Ranks, silent: Iterable[int]) -> int:
        """Of the `silent` ranks the one that was gone first: a launcher ends the others when one is."""
        gone = {ranks.pids[one.pid]: one.gone_at or one.ended_at for one in self.all if one.pid in ranks.pids}
        return min(silent, key=lambda rank: (gone.get(rank) or math.inf, rank))
