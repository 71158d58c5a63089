"""A run that somebody's own loop began by `everybatch.init`: records what its ranks report, and how they ended.

The processes of the training are not ours: they started this one. What is known of their end is their last word,
the end of their connection and whether their process is there.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from ..log.catalogue import Catalogue, one_line
from ..metrics.commands import Command
from ..metrics.records import UNKNOWN, Notice, RunStarted
from ..reporting.api.joined import Joined, LoopConfig
from .aggregator import AttemptInfo
from .agreement import WHAT_RANKS_DO, Agreement
from .connections import Connections
from .foreign_failure import first_error, raised
from .listener import Listener, SocketQueue
from .loop_resume import EarlierLoop, find_earlier
from .presence import Presence
from .protocol import Reply, Request
from .rank_commands import MOST_INTERVAL
from .recorder import Recorder
from .recovery import recover
from .run_folder import RunFolder
from .run_lock import RunLock
from .signals import Signals

POLL_SECONDS = 0.05
SILENT_RANKS_SECONDS = 3.0
"""After the first batch, for all ranks to report one. Those that do not are not waited for any more."""
LATE_RANKS_SECONDS = 3.0
"""For ranks that have not come yet when all that came are gone."""
ASKED_AGAIN = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""What the ranks get when they are asked to stop for the second, the third and the fourth time."""


def run_loop(config: LoopConfig, catalogue: Catalogue, created: Callable[[RunFolder, Joined], None]) -> int:
    """Record the run to its end; 0. Raises `UsageError` before anything is written.

    `created` is called as soon as the ranks can report.
    """
    earlier = find_earlier(config) if config.resume else None
    if earlier is not None:
        config = earlier.config
    with Signals() as signals:
        folder = (
            earlier.folder if earlier else RunFolder.create(Path(config.output_dir), time.localtime(), saves=False)
        )
        with RunLock(folder.private.absolute(), elsewhere=earlier is not None and earlier.elsewhere) as lock:
            LoopRun(config, catalogue, folder, lock, signals, earlier).run(created)
    return 0


class LoopRun:
    """Is there for the ranks and for those who ask something of the run, until all ranks are gone."""

    def __init__(
        self,
        config: LoopConfig,
        catalogue: Catalogue,
        folder: RunFolder,
        lock: RunLock,
        signals: Signals,
        earlier: EarlierLoop | None,
    ) -> None:
        self._config = config
        self._catalogue = catalogue
        self._folder = folder
        self._signals = signals
        self._earlier = earlier
        self._attempt = earlier.attempt + 1 if earlier else 1
        self._presence = Presence(folder, lock, catalogue, self._handle)
        self._recorder = Recorder(self._info(), [], catalogue, None)
        aggregator = self._recorder.aggregator
        self._agreement = Agreement(
            lambda: list(aggregator.ranks.standings.values()),
            lambda: aggregator.ranks.others_may_come(),
            self._recorder.emit,
            will_listen=True,
        )
        self._asked_to_stop = 0
        self._connections = Connections()

    def run(self, created: Callable[[RunFolder, Joined], None]) -> None:
        """Record to the end."""
        self._emit_start()
        listener = Listener(self._add)
        try:
            with self._presence.kept() as no_control:
                if no_control is not None:
                    reason = no_control.strerror or str(no_control)
                    self._recorder.emit("no_control", "warning", reason=reason)
                self._write_run_json("running")
                self._presence.register(sys.stderr)
                start = self._started.start
                created(
                    self._folder,
                    Joined(self._folder.run_id, listener.address, start.epoch, start.batch, start.step),
                )
                self._attend()
                self._recorder.drain()
                self._close()
        finally:
            listener.close()

    def _info(self) -> AttemptInfo:
        config, earlier = self._config, self._earlier
        self._started = RunStarted(
            run_id=self._folder.run_id,
            attempt=self._attempt,
            task=config.name,
            epochs=config.epochs,
            steps=config.steps,
            world_size=UNKNOWN,
            device="",
            backend="",
            log_interval=1,
            metric_names=earlier.metric_names if earlier else (),
            value_names=earlier.value_names if earlier else (),
            at=time.time(),
        )
        if earlier is None:
            return AttemptInfo(self._folder, self._started, config.log_batch_metrics)
        self._started = msgspec.structs.replace(self._started, start=earlier.start)
        recovered = recover(
            self._folder,
            earlier.start,
            [],
            1,
            earlier.metric_names,
            log_batch_metrics=config.log_batch_metrics,
        )
        return AttemptInfo(self._folder, self._started, config.log_batch_metrics, recovered)

    def _add(self, queue: SocketQueue) -> None:
        self._connections.add(queue)
        self._recorder.add_queue(queue)
        self._agreement.add(queue)

    # ---- while it goes on ---------------------------------------------------------------------------------

    def _attend(self) -> None:
        """Wait until all ranks are gone."""
        told = 0
        aggregator = self._recorder.aggregator
        while self._recorder.crash is None and not self._all_gone():
            while self._signals.waiting:
                if self._signals.waiting.popleft() != signal.SIGHUP:
                    self._ask_to_stop()
            self._agreement.work()
            if told != len(aggregator.ranks.pids):
                told = len(aggregator.ranks.pids)
                self._write_run_json("running")
            if aggregator.ranks.may_settle(SILENT_RANKS_SECONDS):
                self._recorder.settle_ranks()
            time.sleep(POLL_SECONDS)

    def _all_gone(self) -> bool:
        """Whether nothing more will come: every rank that came has ended, and no other one is on its way."""
        if self._connections.look():
            return False
        if not self._connections.all:
            return not self._connections.lives(self._config.pid)
        aggregator = self._recorder.aggregator
        missing = aggregator.ranks.told_world_size - len(aggregator.ranks.came)
        newest_end = max(connection.ended_at for connection in self._connections.all)
        return missing <= 0 or time.monotonic() - newest_end > LATE_RANKS_SECONDS

    # ---- requests -----------------------------------------------------------------------------------------

    def _handle(self, request: Request) -> Reply:
        if request.command in WHAT_RANKS_DO and self._agreement.ask(request.command):
            return Reply(taken=True)
        match request.command:
            case Command.INTERVAL if 1 <= request.value <= MOST_INTERVAL:
                self._recorder.set_interval(request.value)
            case Command.STOP:
                self._signals.waiting.append(signal.SIGINT)
            case _:
                return Reply(taken=False, reason=self._catalogue.text("command_cannot", command=request.command))
        return Reply(taken=True)

    def _ask_to_stop(self) -> None:
        """By the ranks' own agreement; asked again, by signals."""
        self._asked_to_stop += 1
        if self._asked_to_stop == 1 and self._agreement.ask(Command.STOP):
            return
        number = ASKED_AGAIN[min(max(0, self._asked_to_stop - 2), len(ASKED_AGAIN) - 1)]
        self._recorder.emit("loop_signal", "warning", signal=number.name)
        self._connections.send_signal(number)

    # ---- how it stands and how it ended -------------------------------------------------------------------

    def _emit_start(self) -> None:
        folder, recorder, start = self._folder, self._recorder, self._started.start
        recorder.emit("loop", run_id=folder.run_id, name=self._config.name)
        if self._attempt > 1:
            recorder.emit(
                "loop_resumed", attempt=self._attempt, step=start.step, epoch=start.epoch, batch=start.batch
            )
        recorder.emit("run_log", path=str(folder.log))
        sinks = recorder.aggregator.sinks
        recorder.emit("run_epoch_csv", path=str(sinks.epoch_csv))
        if sinks.batch_csv is not None:
            recorder.emit("run_batch_csv", path=str(sinks.batch_csv))

    def _close(self) -> None:
        """Write how it ended, everywhere."""
        self._recorder.settle_ranks()
        state, failure = self._ending()
        reason = cause = ""
        if failure is not None:
            cause = self._catalogue.notice(failure)
            error = first_error(self._recorder.aggregator.ranks.errors.values())
            trace = error.traceback.splitlines() if error is not None and failure.kind == "failed_raised" else []
            reason = "\n".join([*map(one_line, trace), cause])
        try:
            self._recorder.close(state, reason)
        except Exception:  # noqa: BLE001 - a fault of ours: whatever it is, the user must see it
            state, reason = "failed", self._catalogue.text("internal", message=traceback.format_exc())
        self._write_run_json(state, reason, cause)

    def _ending(self) -> tuple[str, Notice | None]:
        """The state, and why it failed if it did.

        What a rank raised by itself goes before a rank that is gone without a word, as the launcher ends the
        others; that goes before what a rank raised because it lost another one.
        """
        aggregator = self._recorder.aggregator
        first = first_error(aggregator.ranks.errors.values())
        if first is not None and not first.victim:
            return "failed", raised(first)
        if self._asked_to_stop > 1 or "stopped" in aggregator.ranks.finished.values():
            return "stopped", None
        ranks = aggregator.ranks.came or {0}
        silent = ranks - aggregator.ranks.errors.keys() - aggregator.ranks.finished.keys()
        if silent:
            rank = self._connections.first_gone(aggregator.ranks, silent)
            return "failed", Notice("rank_silent", "error", {"rank": rank})
        return ("finished", None) if first is None else ("failed", raised(first))

    def _write_run_json(self, state: str, reason: str = "", cause: str = "") -> None:
        aggregator = self._recorder.aggregator
        pids = aggregator.ranks.pids
        config = self._config
        self._presence.update(
            kind="loop",
            state=state,
            reason=reason,
            cause=cause,
            attempt=self._attempt,
            rank_pids=sorted(pids, key=pids.__getitem__),
            world_size=len(aggregator.ranks.came),
            metric_names=list(aggregator.metric_names),
            config={
                "task": config.name,
                "epochs": config.epochs,
                "steps": config.steps,
                "log_batch_metrics": config.log_batch_metrics,
            },
        )
