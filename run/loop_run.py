"""A run that somebody's own loop began by `everybatch.init`: records what its ranks report, and how they ended.

The processes of the training are not ours: they started this one. What is known of their end is their last word,
the end of their connection and whether their process is there.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..log.catalogue import Catalogue
from ..metrics.commands import Command
from ..metrics.records import UNKNOWN, RunStarted
from ..reporting.api.joined import Joined, LoopConfig
from .attempt_info import AttemptInfo
from .foreign_endings import ending_of_loop
from .foreign_failure import explain
from .foreign_run import POLL_SECONDS, ForeignRun
from .loop_resume import EarlierLoop, find_earlier
from .printed import Printed
from .recovery import recover
from .run_folder import RunFolder
from .run_lock import RunLock
from .signals import Signals

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


class LoopRun(ForeignRun):
    """Is there until all ranks are gone."""

    def __init__(
        self,
        config: LoopConfig,
        catalogue: Catalogue,
        folder: RunFolder,
        lock: RunLock,
        signals: Signals,
        earlier: EarlierLoop | None,
    ) -> None:
        attempt = _attempt(config, folder, earlier)
        super().__init__(attempt, catalogue, folder, lock, signals, will_listen=True)
        self._config = config
        self._started = attempt.started

    def run(self, created: Callable[[RunFolder, Joined], None]) -> None:
        """Record to the end."""
        self._emit_start()
        with self._present(sys.stderr) as listener:
            start = self._started.start
            joined = Joined(self._folder.run_id, listener.address, start.epoch, start.batch, start.step)
            created(self._folder, joined)
            self._attend()
            self._recorder.drain()
            self._close()

    # ---- while it goes on ---------------------------------------------------------------------------------

    def _attend(self) -> None:
        """Wait until all ranks are gone."""
        told = 0
        aggregator = self._recorder.aggregator
        while self._recorder.crash is None and not self._all_gone():
            while self._signals.waiting:
                if self._signals.waiting.popleft() != signal.SIGHUP:
                    self._ask_to_stop()
            self._work(SILENT_RANKS_SECONDS)
            if told != len(aggregator.ranks.pids):
                told = len(aggregator.ranks.pids)
                self._write_run_json("running")
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
        if self._started.attempt > 1:
            recorder.emit(
                "loop_resumed",
                attempt=self._started.attempt,
                step=start.step,
                epoch=start.epoch,
                batch=start.batch,
            )
        recorder.emit("run_log", path=str(folder.log))
        self._emit_files()

    def _close(self) -> None:
        """Write how it ended, everywhere."""
        self._recorder.settle_ranks()
        ranks = self._recorder.aggregator.ranks
        state, failure = ending_of_loop(ranks, self._connections, signalled=self._asked_to_stop > 1)
        reason = cause = ""
        if failure is not None:
            lines, why = explain(failure, ranks, Printed(), self._folder.output, self._catalogue)
            cause, reason = why[0], "\n".join([*lines, *why])
        self._write_end(state, reason, cause)

    def _description(self) -> dict[str, Any]:
        config = self._config
        told = {name: getattr(config, name) for name in ("epochs", "steps", "log_batch_metrics")}
        return {"kind": "loop", "attempt": self._started.attempt, "config": {"task": config.name, **told}}


def _attempt(config: LoopConfig, folder: RunFolder, earlier: EarlierLoop | None) -> AttemptInfo:
    """The first attempt, or the next one, whose files go on where the earlier one stood."""
    started = RunStarted(
        run_id=folder.run_id,
        attempt=earlier.attempt + 1 if earlier else 1,
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
        return AttemptInfo(folder, started, config.log_batch_metrics)
    started = msgspec.structs.replace(started, start=earlier.start)
    recovered = recover(
        folder,
        earlier.start,
        [],
        1,
        earlier.metric_names,
        log_batch_metrics=config.log_batch_metrics,
    )
    return AttemptInfo(folder, started, config.log_batch_metrics, recovered)
