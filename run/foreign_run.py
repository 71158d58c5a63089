"""What all runs of somebody else's training have: ranks that report, and people who ask for something."""

from __future__ import annotations

import signal
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ..log.catalogue import Catalogue
from ..metrics.commands import Command
from .agreement import WHAT_RANKS_DO, Agreement
from .attempt_info import AttemptInfo
from .connections import Connections
from .listener import Listener, SocketQueue
from .presence import Presence
from .protocol import Reply, Request
from .rank_commands import MOST_INTERVAL
from .recorder import Recorder
from .run_folder import RunFolder
from .run_lock import RunLock
from .signals import Signals

POLL_SECONDS = 0.05


class ForeignRun(ABC):
    """Records what the ranks report, and is there for those who ask something of the run."""

    _pauses_without_ranks = False
    """Whether it can pause and go on though no rank listens."""

    def __init__(
        self,
        attempt: AttemptInfo,
        catalogue: Catalogue,
        folder: RunFolder,
        lock: RunLock,
        signals: Signals,
        stdout: TextIO | None = None,
        *,
        will_listen: bool = False,
    ) -> None:
        """`will_listen`: it is certain that a rank that takes orders comes."""
        self._catalogue = catalogue
        self._folder = folder
        self._signals = signals
        self._presence = Presence(folder, lock, catalogue, self._handle)
        self._recorder = Recorder(attempt, [], catalogue, stdout)
        self._connections = Connections()
        aggregator = self._recorder.aggregator  # its ranks are others when they are started again
        self._agreement = Agreement(
            lambda: list(aggregator.ranks.standings.values()),
            lambda: aggregator.ranks.others_may_come(),
            self._recorder.emit,
            self._do_without_ranks,
            will_listen=will_listen,
        )
        self._asked_to_stop = 0
        """So many times."""

    @contextmanager
    def _present(self, stderr: TextIO) -> Iterator[Listener]:
        """Be known, and there for ranks and people, while the block runs; gives what hears the ranks."""
        listener = Listener(self._add)
        try:
            with self._presence.kept() as no_control:
                if no_control is not None:
                    reason = no_control.strerror or str(no_control)
                    self._recorder.emit("no_control", "warning", reason=reason)
                self._write_run_json("running")
                self._presence.register(stderr)
                yield listener
        finally:
            listener.close()

    def _add(self, queue: SocketQueue) -> None:
        self._connections.add(queue)
        self._recorder.add_queue(queue)
        self._agreement.add(queue)

    def _work(self, settle_after: float) -> None:
        """What has to be done again and again: ranks that are silent for so many seconds are not waited for."""
        self._agreement.work()
        if self._recorder.aggregator.ranks.may_settle(settle_after):
            self._recorder.settle_ranks()

    def _handle(self, request: Request) -> Reply:
        """Do what a monitor asks: by the ranks that listen, else as far as it can be done without them."""
        command = request.command
        if command in WHAT_RANKS_DO and self._agreement.ask(command):
            return Reply(taken=True)
        match command:
            case Command.INTERVAL if 1 <= request.value <= MOST_INTERVAL:
                self._recorder.set_interval(request.value)
            case Command.STOP:
                self._signals.waiting.append(signal.SIGINT)
            case Command.PAUSE | Command.RESUME if self._pauses_without_ranks:
                self._do_without_ranks(command)
            case _:
                return Reply(taken=False, reason=self._catalogue.text("command_cannot", command=command))
        return Reply(taken=True)

    def _do_without_ranks(self, command: Command) -> bool:
        """Do what the ranks cannot do together; False if it cannot be done without them either."""
        return False

    def _emit_files(self) -> None:
        """Say where everything stands."""
        sinks = self._recorder.aggregator.sinks
        self._recorder.emit("run_epoch_csv", path=str(sinks.epoch_csv))
        if sinks.batch_csv is not None:
            self._recorder.emit("run_batch_csv", path=str(sinks.batch_csv))

    def _write_end(self, state: str, reason: str, cause: str) -> str:
        """Write how it ended into all files; a fault of ours in that, which the user must see, else nothing."""
        fault = ""
        try:
            self._recorder.close(state, reason)
        except Exception:  # noqa: BLE001 - whatever it is
            fault = self._catalogue.text("internal", message=traceback.format_exc())
        self._write_run_json("failed" if fault else state, fault or reason, cause)
        return fault

    def _write_run_json(self, state: str, reason: str = "", cause: str = "") -> None:
        aggregator = self._recorder.aggregator
        pids = aggregator.ranks.pids
        self._presence.update(
            state=state,
            reason=reason,
            cause=cause,
            rank_pids=sorted(pids, key=pids.__getitem__),
            world_size=len(aggregator.ranks.came),
            metric_names=list(aggregator.metric_names),
            **self._description(),
        )

    @abstractmethod
    def _description(self) -> dict[str, Any]:
        """What run.json tells of a run of this kind."""
