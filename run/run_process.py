"""The run process: from a checked config to the exit code, over as many attempts as it takes."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ..engine.config import TrainConfig, config_values
from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..log.streams import print_to
from ..metrics.records import RunStarted, Start
from ..metrics.values import MOST_NAMES
from .fork_server import warm_up
from .preflight import Plan, check_files
from .presence import Presence
from .protocol import Reply, Request
from .recorder import Recorder
from .request import TrainRequest
from .resume import Earlier, check_resume, check_same, read_earlier
from .run_folder import RunFolder
from .run_lock import RunLock
from .signals import Signals
from .socket_folders import shorten_multiprocessing
from .trial_process import try_task

if TYPE_CHECKING:
    from ..engine.checkpoint import Checkpoint
    from .attempt import Attempt, Ending

EXIT_FAILED = 1


def run(
    request: TrainRequest,
    catalogue: Catalogue,
    stdout: TextIO | None,
    stderr: TextIO,
    created: Callable[[RunFolder], None] = lambda _: None,
) -> int:
    """Train, and return the exit code; raises `UsageError` before anything is written.

    Without `stdout` no lines are shown. `created` is called as soon as the run has its folder and can be watched.
    """
    config = request.config
    config.check()
    check_files(config)
    earlier = None
    if request.resumed is not None:
        earlier = read_earlier(request.resumed, take_over=config.take_over)
        check_same(earlier, config)
    try:
        shorten_multiprocessing()
    except OSError as error:
        raise UsageError("no_temporary_folder", reason=error.strerror or str(error)) from error
    warm_up()
    import torch  # noqa: F401 - while the process that `warm_up` started imports it too

    plan = try_task(config, _checkpoint_to_try(earlier), catalogue, stderr)
    with Signals() as signals:
        folder = earlier.folder if earlier else RunFolder.create(config.output_dir, time.localtime())
        elsewhere = earlier is not None and earlier.elsewhere
        with RunLock(folder.private.absolute(), elsewhere=elsewhere, take_over=config.take_over) as lock:
            process = RunProcess(config, catalogue, plan, folder, signals, earlier, lock)
            return process.run(stdout, stderr, created)


class RunProcess:
    """Makes the attempts of one run, and is there for those who ask something of it."""

    def __init__(
        self,
        config: TrainConfig,
        catalogue: Catalogue,
        plan: Plan,
        folder: RunFolder,
        signals: Signals,
        earlier: Earlier | None,
        lock: RunLock,
    ) -> None:
        self._config = config
        self._catalogue = catalogue
        self._plan = plan
        self._folder = folder
        self._signals = signals
        self._earlier = earlier
        self._number = earlier.attempt + 1 if earlier else 1
        self._attempt: Attempt | None = None
        self._rank_pids: list[int] = []
        self._log_interval = config.log_interval
        self._presence = Presence(folder, lock, catalogue, self._handle)

    def run(self, stdout: TextIO | None, stderr: TextIO, created: Callable[[RunFolder], None]) -> int:
        """Run to the end; the exit code."""
        with self._presence.kept() as no_control:
            checkpoint, damaged = self._find_checkpoint()
            changes = []
            if self._earlier is not None:
                changes = check_resume(self._earlier, self._config, self._plan, _start(checkpoint))
            attempt = self._begin(checkpoint, damaged, stdout)
            for flag, old, new in changes:
                attempt.recorder.emit("config_changed", "warning", flag=flag, old=old, new=new)
            if no_control is not None:
                reason = no_control.strerror or str(no_control)
                attempt.recorder.emit("no_control", "warning", reason=reason)
            self._write_run_json("running")
            self._presence.register(stderr)
            created(self._folder)
            return self._make_attempts(attempt, stdout, stderr)

    def _make_attempts(self, attempt: Attempt, stdout: TextIO | None, stderr: TextIO) -> int:
        """Start again after a failure, as often as the config allows; the exit code."""
        restarts_left = self._config.max_restarts
        while True:
            ending = attempt.run(self._signals, self._ranks_started)
            self._attempt = None
            again = ending.failure is not None and restarts_left > 0 and not ending.stop_asked
            if not self._close(attempt, ending, again, stderr):
                return ending.exit_code or EXIT_FAILED
            if not again:
                return ending.exit_code
            restarts_left -= 1
            self._number += 1
            self._log_interval = attempt.recorder.aggregator.writer.interval
            try:
                attempt = self._begin(*self._find_checkpoint(), stdout)
            except UsageError as error:
                reason = self._catalogue.error(error)
                self._write_run_json("failed", reason)
                print_to(stderr, reason)
                return EXIT_FAILED
            self._write_run_json("running")

    def _find_checkpoint(self) -> tuple[Checkpoint | None, list[tuple[Path, str]]]:
        from ..engine.checkpoint import find_checkpoint

        return find_checkpoint(self._folder.checkpoints) if self._number > 1 else (None, [])

    def _begin(
        self, checkpoint: Checkpoint | None, damaged: list[tuple[Path, str]], stdout: TextIO | None
    ) -> Attempt:
        """Make the next attempt ready to run, from `checkpoint` if there is one."""
        from .attempt import Attempt

        config, plan = self._config, self._plan
        started = RunStarted(
            run_id=self._folder.run_id,
            attempt=self._number,
            task=config.task,
            epochs=config.epochs,
            world_size=plan.world_size,
            device=plan.device,
            backend=plan.backend,
            log_interval=self._log_interval,
            metric_names=plan.metric_names,
            value_names=plan.value_names[:MOST_NAMES],
            score=plan.score,
            at=time.time(),
            start=_start(checkpoint),
        )
        attempt = Attempt(
            config, self._catalogue, plan, self._folder, started=started, checkpoint=checkpoint, stdout=stdout
        )
        for path, reason in damaged:
            attempt.recorder.emit("checkpoint_damaged", "warning", path=str(path), reason=reason)
        self._emit_start(attempt.recorder, checkpoint)
        self._attempt = attempt
        return attempt

    def _emit_start(self, recorder: Recorder, checkpoint: Checkpoint | None) -> None:
        folder, plan = self._folder, self._plan
        recorder.emit(
            "run",
            run_id=folder.run_id,
            task=self._config.task,
            world_size=plan.world_size,
            device=plan.device,
            backend=plan.backend,
            epochs=self._config.epochs,
        )
        if checkpoint is not None:
            start = checkpoint.start
            path = str(checkpoint.path)
            recorder.emit("resumed", attempt=self._number, path=path, epoch=start.epoch, batch=start.batch)
        elif self._number > 1:
            recorder.emit("resumed_from_nothing", "warning", attempt=self._number)
        recorder.emit("run_log", path=str(folder.log))
        sinks = recorder.aggregator.sinks
        recorder.emit("run_epoch_csv", path=str(sinks.epoch_csv))
        if sinks.batch_csv is not None:
            recorder.emit("run_batch_csv", path=str(sinks.batch_csv))
        recorder.emit("run_checkpoints", path=str(folder.checkpoints))
        for kind, fields in plan.notices():
            recorder.emit(kind, "info", **fields)

    def _handle(self, request: Request) -> Reply:
        attempt = self._attempt
        if attempt is None:
            return Reply(taken=False, reason=self._catalogue.text("state_restarting"))
        return attempt.commands.handle(request)

    def _ranks_started(self, pids: list[int]) -> None:
        self._rank_pids = pids
        self._write_run_json("running")

    def _close(self, attempt: Attempt, ending: Ending, again: bool, stderr: TextIO) -> bool:
        """Write how the attempt ended, everywhere; False when a fault of ours prevented it."""
        reason = attempt.explain(ending.failure) if ending.failure else ""
        cause = self._catalogue.notice(ending.failure.cause) if ending.failure else ""
        state, sound = ending.state, True
        try:
            attempt.recorder.close("restarting" if again else state, reason)
        except Exception:  # noqa: BLE001 - a fault of ours: whatever it is, the user must see it
            reason = self._catalogue.text("internal", message=traceback.format_exc())
            state, sound = "failed", False
        if not again or not sound:
            self._write_run_json(state, reason, cause)
        for path, count in attempt.recorder.lost.items():
            print_to(stderr, self._catalogue.text("file_lost", path=str(path), count=count))
        if reason:
            print_to(stderr, reason)
        return sound

    def _write_run_json(self, state: str, reason: str = "", cause: str = "") -> None:
        import torch

        config = config_values(self._config)
        if self._config.data is not None:
            config["data"] = str(self._config.data.absolute())
        self._presence.update(
            state=state,
            reason=reason,
            cause=cause,
            attempt=self._number,
            rank_pids=self._rank_pids,
            world_size=self._plan.world_size,
            device=self._plan.device,
            backend=self._plan.backend,
            metric_names=self._plan.metric_names,
            score=self._plan.score,
            config=config,
            versions={"torch": torch.__version__},
        )


def _checkpoint_to_try(earlier: Earlier | None) -> Path | None:
    """Where a run would go on; the lock is not held yet, so it is looked for again afterwards."""
    from ..engine.checkpoint import find_checkpoint

    found = find_checkpoint(earlier.folder.checkpoints, check=False)[0] if earlier is not None else None
    return found.path.absolute() if found is not None else None


def _start(checkpoint: Checkpoint | None) -> Start:
    return checkpoint.start if checkpoint is not None else Start()
