"""The run process: from a checked config to the exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import platform
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

import psutil

from .. import __version__
from ..log.errors import UsageError
from ..log.words import Words, one_line
from ..metrics.records import RunStarted
from .checks import Plan, check_files, check_run
from .config import TrainConfig
from .control_server import ControlServer
from .failure import Failure, find_failure
from .known_runs import register
from .launcher import Launch, warm_up
from .rank_commands import RankCommands
from .recorder import Attempt, Recorder
from .run_folder import RunFolder
from .signals import Signals

EXIT_FINISHED, EXIT_FAILED = 0, 1
POLL_SECONDS = 0.05


def run(
    config: TrainConfig,
    words: Words,
    stdout: TextIO | None,
    stderr: TextIO,
    created: Callable[[RunFolder], None] = lambda _: None,
) -> int:
    """Train, and return the exit code; raises `UsageError` before anything is written.

    Without `stdout` no lines are shown. `created` is called as soon as the run has its folder and can be watched.
    """
    config.check()
    check_files(config)
    warm_up()
    plan = check_run(config)
    with Signals() as signals:
        folder = RunFolder.create(config.output_dir, datetime.now())
        return RunProcess(config, words, plan, folder, signals).run(stdout, stderr, created)


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    state: str
    """`finished`, `stopped` or `failed`."""
    exit_code: int
    failure: Failure | None = None


class RunProcess:
    """Starts the ranks of one run, listens to signals, and says how it ended."""

    def __init__(self, config: TrainConfig, words: Words, plan: Plan, folder: RunFolder, signals: Signals) -> None:
        self._config = config
        self._words = words
        self._plan = plan
        self._folder = folder
        self._signals = signals
        self._stop_signal: signal.Signals | None = None
        self._killed = False
        self._rank_pids: list[int] = []
        self._started_at = time.time()

    def run(self, stdout: TextIO | None, stderr: TextIO, created: Callable[[RunFolder], None]) -> int:
        """Run to the end; the exit code."""
        from .rank import RankJob, run_rank

        plan, config = self._plan, self._config
        context = multiprocessing.get_context("forkserver")
        queues: list[Any] = [context.SimpleQueue() for _ in range(plan.world_size)]
        commands_in, commands_out = context.Pipe(duplex=False)
        recorder = self._open_recorder(queues, stdout)
        commands = RankCommands(commands_out, recorder)
        self._server = ControlServer(commands.obey)
        self._write_run_json("running")
        self._register(stderr)
        created(self._folder)
        self._say_start(recorder)
        recorder.notice("ranks_starting", count=plan.world_size)

        # User code may change the current folder, so ranks get absolute paths.
        folder = RunFolder(self._folder.root.absolute(), self._folder.run_id)
        job = RankJob(config, folder, 1, plan.world_size, plan.device, plan.backend)
        launch = Launch(run_rank, (job, queues, commands_in), plan.world_size, f"{self._folder.run_id}_1")
        self._watch(launch, recorder, commands)
        self._server.close()
        recorder.drain()
        ending = self._ending(launch, recorder)
        reason = self._explain(ending.failure) if ending.failure else ""
        try:
            recorder.close(ending.state, reason)
        except Exception:  # noqa: BLE001 - a fault of ours: whatever it is, the user must see it
            reason = self._words.say("internal", message=traceback.format_exc())
            ending = Ending("failed", EXIT_FAILED)
        self._write_run_json(ending.state, reason)
        for path, count in recorder.lost.items():
            _print(self._words.say("file_lost", path=str(path), count=count), stderr)
        if reason:
            _print(reason, stderr)
        return ending.exit_code

    def _open_recorder(self, queues: list[Any], stdout: TextIO | None) -> Recorder:
        try:
            return Recorder(self._attempt(), queues, self._words, stdout)
        except OSError as error:
            path = str(error.filename or self._folder.root)
            raise UsageError("output_dir", path=path, reason=error.strerror or str(error)) from error

    def _attempt(self) -> Attempt:
        plan, config = self._plan, self._config
        started = RunStarted(
            run_id=self._folder.run_id,
            attempt=1,
            task=config.task,
            epochs=config.epochs,
            world_size=plan.world_size,
            device=plan.device,
            backend=plan.backend,
            log_interval=config.log_interval,
            metric_names=plan.metric_names,
            at=self._started_at,
        )
        return Attempt(self._folder, started, config.log_batch_metrics, plan.validates)

    def _say_start(self, recorder: Recorder) -> None:
        folder, plan = self._folder, self._plan
        recorder.notice(
            "run",
            run_id=folder.run_id,
            task=self._config.task,
            world_size=plan.world_size,
            device=plan.device,
            backend=plan.backend,
            epochs=self._config.epochs,
        )
        recorder.notice("run_log", path=str(folder.log))
        recorder.notice("run_epoch_csv", path=str(folder.epoch_csv))
        if self._config.log_batch_metrics:
            recorder.notice("run_batch_csv", path=str(folder.batch_csv))
        recorder.notice("run_checkpoints", path=str(folder.checkpoints))

    def _register(self, stderr: TextIO) -> None:
        try:
            register(self._folder)
        except OSError as error:  # only `attach` from other folders needs it
            _print(self._words.say("not_registered", reason=str(error)), stderr)

    def _watch(self, launch: Launch, recorder: Recorder, commands: RankCommands) -> None:
        """Wait for the end of the ranks, passing on what signals ask."""
        pids_told = False
        while not launch.ended.wait(POLL_SECONDS):
            while self._signals.waiting:
                self._obey(self._signals.waiting.popleft(), launch, recorder, commands)
            if not pids_told and len(recorder.pids) == self._plan.world_size:
                pids_told = True
                self._rank_pids = commands.rank_pids = sorted(recorder.pids, key=recorder.pids.__getitem__)
                self._write_run_json("running")
                recorder.notice("ranks_ready", count=self._plan.world_size)
            if recorder.crash is not None:
                launch.kill()

    def _obey(self, number: signal.Signals, launch: Launch, recorder: Recorder, commands: RankCommands) -> None:
        if number == signal.SIGHUP:
            recorder.notice("terminal_gone")
        elif self._stop_signal is None:
            self._stop_signal = number
            recorder.notice("stop_signal", signal=number.name)
            commands.send("stop")
        elif not self._killed:
            self._killed = True
            recorder.notice("stop_now", "warning", signal=number.name)
            launch.kill()

    def _ending(self, launch: Launch, recorder: Recorder) -> Ending:
        failure = find_failure(
            launch.exits(),
            recorder.pids,
            recorder.errors,
            recorder.finished,
            self._plan.world_size,
            launch.error,
        )
        if failure is not None and not self._killed:
            return Ending("failed", EXIT_FAILED, failure)
        stopped = self._killed or "stopped" in recorder.finished.values()
        if stopped and self._stop_signal is not None:
            return Ending("stopped", 128 + self._stop_signal)
        if stopped:
            return Ending("stopped", EXIT_FAILED if recorder.stopped_by == "stop_nonfinite" else EXIT_FINISHED)
        return Ending("finished", EXIT_FINISHED)

    def _explain(self, failure: Failure) -> str:
        """Traceback first, the cause below it: the last lines are what a tired person reads."""
        say = self._words.say
        lines = [one_line(line) for line in failure.traceback.rstrip().splitlines()]
        lines.append(self._words.notice(failure.cause))
        if failure.hint:
            lines.append(say(failure.hint))
        if failure.victims:
            lines.append(say("victims", ranks=", ".join(map(str, failure.victims))))
        if failure.culprit is not None:
            lines.append(say("rank_log", path=str(self._folder.rank_log(failure.culprit))))
        return "\n".join(lines)

    def _write_run_json(self, state: str, reason: str = "") -> None:
        import torch

        content = {
            "run_id": self._folder.run_id,
            "state": state,
            "reason": reason,
            "attempt": 1,
            "pid": os.getpid(),
            "rank_pids": self._rank_pids,
            "process_started_at": psutil.Process().create_time(),
            "control": {"path": str(self._server.path), "token": self._server.token},
            "host": socket.gethostname(),
            "started_at": self._started_at,
            "world_size": self._plan.world_size,
            "device": self._plan.device,
            "backend": self._plan.backend,
            "metric_names": self._plan.metric_names,
            "config": dataclasses.asdict(self._config),
            "versions": {
                "everybatch": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
            },
            "command": sys.argv,
        }
        try:
            self._folder.write_run_json(content)
        except OSError as error:
            _print(
                self._words.say("file_trouble", path=str(self._folder.private / "run.json"), reason=str(error)),
                sys.stderr,
            )


def _print(text: str, stream: TextIO) -> None:
    """Print to a stream whose reader may be gone; the log file has the text too."""
    with contextlib.suppress(OSError):
        print(text, file=stream, flush=True)
