"""One attempt of a run: its ranks and its recorder, from the launch to the end of the last rank."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from ..engine.checkpoint import Checkpoint
from ..engine.config import TrainConfig
from ..engine.rank import RankJob, run_rank
from ..errors import UsageError
from ..log.catalogue import Catalogue, one_line
from ..metrics.commands import Command
from ..metrics.records import RunStarted
from ..reporting.event_queue import EventQueue
from .attempt_info import AttemptInfo
from .failure import Failure, find_failure
from .launcher import Launcher
from .preflight import Plan
from .rank_commands import RankCommands
from .recorder import Recorder
from .recovery import recover
from .run_folder import RunFolder
from .signals import Signals

EXIT_FINISHED, EXIT_FAILED = 0, 1
POLL_SECONDS = 0.05
TAIL_LINES = 20
"""How many lines are shown of the log of a rank that died without a word."""
STACK_LINES = 40
"""How many lines are shown of the log of a rank that hung. The stack of its main thread comes last."""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended."""

    state: str
    """`finished`, `stopped` or `failed`."""
    exit_code: int
    failure: Failure | None = None
    stop_asked: bool = False
    """A signal asked for the end, so nothing is to be started again."""


class Attempt:
    """Starts the ranks, listens to signals while they run, and says how they ended."""

    def __init__(
        self,
        config: TrainConfig,
        catalogue: Catalogue,
        plan: Plan,
        folder: RunFolder,
        *,
        started: RunStarted,
        checkpoint: Checkpoint | None,
        stdout: TextIO | None,
    ) -> None:
        """Open the files, repaired if there were earlier attempts; raises `UsageError` if that cannot be."""
        self._config = config
        self._catalogue = catalogue
        self._plan = plan
        self._folder = folder
        self._started = started
        self._checkpoint = checkpoint
        self._stop_signal: signal.Signals | None = None
        self._killed = False
        self._queues = [EventQueue() for _ in range(plan.world_size)]
        self._commands_in, commands_out = multiprocessing.Pipe(duplex=False)
        self.recorder = self._open_recorder(stdout)
        self.commands = RankCommands(commands_out, self.recorder)

    def run(self, signals: Signals, started: Callable[[list[int]], None]) -> Ending:
        """Train to the end. `started` gets the pids of the ranks, in their order, when all of them run."""
        plan, number = self._plan, self._started.attempt
        self.recorder.emit("ranks_starting", count=plan.world_size)
        # User code may change the current folder, so ranks get absolute paths.
        folder = RunFolder(self._folder.root.absolute(), self._folder.run_id)
        job = RankJob(
            self._config,
            folder.checkpoints,
            tuple(map(folder.rank_log, range(plan.world_size))),
            plan.world_size,
            plan.device,
            plan.backend,
            plan.found.needs,
            self._checkpoint.path.absolute() if self._checkpoint else None,
            self._started.start.step,
        )
        args = (job, self._queues, self._commands_in)
        launch = Launcher(run_rank, args, plan.world_size, f"{self._folder.run_id}_{number}")
        self._watch(launch, signals, started)
        self.recorder.drain()
        return self._ending(launch)

    def explain(self, failure: Failure) -> str:
        """Why it failed, as lines. The cause comes below the traceback, because people read the last lines."""
        text = self._catalogue.text
        lines = failure.traceback.rstrip().splitlines()
        if not lines and failure.culprit is not None:
            hung = failure.cause.kind in ("failed_hang", "failed_deadlock")
            lines = self._folder.rank_log_tail(failure.culprit, STACK_LINES if hung else TAIL_LINES)
        lines = [one_line(line) for line in lines]
        lines.append(self._catalogue.notice(failure.cause))
        if failure.hint:
            lines.append(text(failure.hint))
        if failure.victims:
            lines.append(text("victims", ranks=", ".join(map(str, failure.victims))))
        if failure.culprit is not None:
            lines.append(text("rank_log", path=str(self._folder.rank_log(failure.culprit))))
        return "\n".join(lines)

    def _open_recorder(self, stdout: TextIO | None) -> Recorder:
        config, plan, checkpoint = self._config, self._plan, self._checkpoint
        recovered = None
        try:
            if self._started.attempt > 1:
                recovered = recover(
                    self._folder,
                    self._started.start,
                    checkpoint.last_events() if checkpoint else [],
                    checkpoint.world_size if checkpoint else plan.world_size,
                    plan.metric_names,
                    log_batch_metrics=config.log_batch_metrics,
                )
            attempt = AttemptInfo(self._folder, self._started, config.log_batch_metrics, recovered)
            recorder = Recorder(attempt, self._queues, self._catalogue, stdout)
        except OSError as error:
            path = str(error.filename or self._folder.root)
            raise UsageError("output_dir", path=path, reason=error.strerror or str(error)) from error
        for notice in recovered.notices if recovered else ():
            recorder.emit(notice.kind, notice.level, **notice.fields)
        return recorder

    def _watch(self, launch: Launcher, signals: Signals, started: Callable[[list[int]], None]) -> None:
        """Wait for the end of the ranks, passing on what signals ask."""
        recorder, pids = self.recorder, self.recorder.aggregator.ranks.pids
        told = False
        while not launch.ended.wait(POLL_SECONDS):
            while signals.waiting:
                self._handle(signals.waiting.popleft(), launch)
            if not told and len(pids) == self._plan.world_size:
                told = True
                self.commands.rank_pids = sorted(pids, key=pids.__getitem__)
                started(self.commands.rank_pids)
                recorder.emit("ranks_ready", count=self._plan.world_size)
            if recorder.crash is not None:
                launch.kill()
            if recorder.aggregator.ranks.errors:
                launch.failed()
            if len(recorder.aggregator.ranks.finished) == self._plan.world_size:
                launch.finished(left_over=recorder.aggregator.ranks.left_over)
        if launch.left_over:
            recorder.emit("left_over", "warning", ranks=", ".join(map(str, launch.left_over)))

    def _handle(self, number: signal.Signals, launch: Launcher) -> None:
        if number == signal.SIGHUP:
            self.recorder.emit("terminal_gone")
        elif self._stop_signal is None:
            self._stop_signal = number
            self.recorder.emit("stop_signal", signal=number.name)
            self.commands.send(Command.STOP)
        elif not self._killed:
            self._killed = True
            self.recorder.emit("stop_now", "warning", signal=number.name)
            launch.kill()

    def _ending(self, launch: Launcher) -> Ending:
        aggregator = self.recorder.aggregator
        told = aggregator.ranks
        failure = find_failure(launch.exits(), told.errors, told.finished, self._plan.world_size, launch.error)
        if failure is not None and not self._killed:
            return Ending("failed", EXIT_FAILED, failure, self._stop_signal is not None)
        stopped = self._killed or "stopped" in told.finished.values()
        if stopped and self._stop_signal is not None:
            return Ending("stopped", 128 + self._stop_signal)
        if stopped:
            return Ending("stopped", EXIT_FAILED if aggregator.stopped_by == "stop_nonfinite" else EXIT_FINISHED)
        return Ending("finished", EXIT_FINISHED)
