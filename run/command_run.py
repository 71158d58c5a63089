"""A run that is somebody's own command: starts it as it is, and records what its ranks report by themselves.

Its ranks are unknown until they say hello. How they end is told by their last word, by the end of their connection,
and by the exit code of the command, which is handed on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec
import psutil

from ..log.catalogue import Catalogue
from ..log.streams import print_to
from ..metrics.commands import Command
from ..metrics.files.append_file import AppendFile
from ..metrics.records import UNKNOWN, Notice, RunStarted
from .aggregator import AttemptInfo
from .agreement import WHAT_RANKS_DO, Agreement
from .command_config import CommandConfig, executable, shown
from .command_output import OutputReader, writer_to
from .connections import Connections
from .foreign_failure import explain, first_error, raised
from .listener import Listener, SocketQueue
from .presence import Presence
from .printed import Printed, last_printed
from .protocol import Reply, Request
from .rank_commands import MOST_INTERVAL
from .recorder import Recorder
from .run_folder import RunFolder
from .run_lock import RunLock
from .signals import Signals, signal_name

POLL_SECONDS = 0.05
SILENT_RANKS_SECONDS = 10.0
"""After the first batch, for the other ranks to say hello. Those that do not are not waited for any more."""
LAST_WORDS_SECONDS = 2.0
"""After the end of the command, for what its ranks and its output still hold."""
LET_IN_SECONDS = 60.0
"""After which it is said that no Python of the command has let the hooks in."""
OUTPUT_VARIABLE = "EVERYBATCH_OUTPUT"
"""Which pipe goes into the file of the output: into that, and no other, Python is made to print line by line."""
STARTUP_FOLDER = Path(__file__).parent.parent / "reporting" / "startup"
"""What leads the hooks into every Python process below the command."""
STOP_SECONDS = 10.0
"""What a rank raises so long after it was asked to stop is not because of that."""
ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""What the command gets when it is asked to stop for the first, the second and the third time.

A training that reports by itself is told by its own run first."""


def run_command(
    config: CommandConfig,
    catalogue: Catalogue,
    stdout: TextIO | None,
    stderr: TextIO,
    created: Callable[[RunFolder], None] = lambda _: None,
) -> int:
    """Run the command to its end; its exit code. Raises `UsageError` before anything is written.

    Without `stdout` nothing is shown. `created` is called as soon as the run can be watched.
    """
    config.check()
    arguments = executable(config.command)
    with Signals() as signals:
        folder = RunFolder.create(config.output_dir, time.localtime(), saves=False)
        with RunLock(folder.private.absolute()) as lock:
            return CommandRun(config, arguments, catalogue, folder, lock, signals).run(stdout, stderr, created)


class CommandRun:
    """Starts the command, is there for those who ask something of it, and says how it ended."""

    def __init__(
        self,
        config: CommandConfig,
        arguments: list[str],
        catalogue: Catalogue,
        folder: RunFolder,
        lock: RunLock,
        signals: Signals,
    ) -> None:
        self._config = config
        self._arguments = arguments
        self._catalogue = catalogue
        self._folder = folder
        self._signals = signals
        self._presence = Presence(folder, lock, catalogue, self._handle)
        self._asked_to_stop = self._told_to_stop = 0
        self._asked_to_stop_at = 0.0
        self._suspended = False
        """By signals."""
        self._connections = Connections()

    def run(self, stdout: TextIO | None, stderr: TextIO, created: Callable[[RunFolder], None]) -> int:
        """Run to the end; the exit code of the command."""
        started = RunStarted(
            run_id=self._folder.run_id,
            attempt=1,
            task=shown(self._config.command),
            epochs=self._config.epochs,
            world_size=UNKNOWN,
            device="",
            backend="",
            log_interval=self._config.log_interval,
            metric_names=(),
            at=self._presence.started_at,
            steps=self._config.steps or UNKNOWN,
        )
        attempt = AttemptInfo(self._folder, started, self._config.log_batch_metrics)
        self._recorder = Recorder(attempt, [], self._catalogue, stdout)
        aggregator = self._recorder.aggregator
        self._agreement = Agreement(
            lambda: list(aggregator.ranks.standings.values()),
            lambda: aggregator.ranks.others_may_come(),
            self._recorder.emit,
            self._pause_or_resume,
        )
        self._emit_start()
        self._listener = Listener(self._add)
        try:
            with self._presence.kept() as no_control:
                if no_control is not None:
                    reason = no_control.strerror or str(no_control)
                    self._recorder.emit("no_control", "warning", reason=reason)
                self._write_run_json("running")
                self._presence.register(stderr)
                created(self._folder)
                return self._attend(stdout, stderr)
        finally:
            self._listener.close()

    def _add(self, queue: SocketQueue) -> None:
        self._connections.add(queue)
        self._recorder.add_queue(queue)
        self._agreement.add(queue)

    # ---- the command --------------------------------------------------------------------------------------

    def _attend(self, stdout: TextIO | None, stderr: TextIO) -> int:
        """Start the command, wait for its end and write how it ended; its exit code."""
        output = AppendFile(self._folder.output)
        out, to_out = os.pipe()
        self._process = process = subprocess.Popen(
            self._arguments,
            stdin=None if stdout is not None else subprocess.DEVNULL,
            stdout=to_out,
            stderr=subprocess.PIPE,
            env=self._environment(to_out),
            start_new_session=True,
        )
        os.close(to_out)
        pipes = [(os.fdopen(out, "rb"), stdout), (process.stderr, stderr if stdout is not None else None)]
        readers = [
            OutputReader(pipe, lambda data: output.write([data]), writer_to(stream))
            for pipe, stream in pipes
            if pipe is not None
        ]
        self._wait(process)
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while self._recorder.open_queues and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        self._recorder.drain()
        output.close()
        printed = last_printed(self._folder.output, [reader.tail for reader in reversed(readers)])
        return self._close(process.returncode, stderr, printed, seen=stdout is not None)

    def _environment(self, stdout: int) -> dict[str, str]:
        inherited = os.environ.get("PYTHONPATH", "")
        return {
            **os.environ,
            **self._listener.address.environment(),
            OUTPUT_VARIABLE: str(os.fstat(stdout).st_ino),
            "PYTHONPATH": os.pathsep.join([str(STARTUP_FOLDER), *([inherited] if inherited else [])]),
        }

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        began = time.monotonic()
        told = waited = listens = False
        while process.poll() is None:
            while self._signals.waiting:
                self._handle_signal(self._signals.waiting.popleft())
            self._agreement.work()
            if not told and self._recorder.aggregator.steps:
                told = True
                self._write_run_json("running")
            if listens != bool(self._agreement.listeners):
                listens = not listens
                self._write_run_json("running")
            if self._recorder.aggregator.ranks.may_settle(SILENT_RANKS_SECONDS):
                self._recorder.settle_ranks()
            if not waited and time.monotonic() - began > LET_IN_SECONDS:
                waited = True
                if not self._listener.came("started"):
                    self._recorder.emit("not_let_in", "warning", seconds=round(LET_IN_SECONDS))
            time.sleep(POLL_SECONDS)

    def _handle_signal(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            self._recorder.emit("terminal_gone")
        else:
            self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        self._asked_to_stop += 1
        self._asked_to_stop_at = time.monotonic()
        if self._asked_to_stop == 1 and self._agreement.ask(Command.STOP):
            self._told_to_stop = 1
            return
        number = ASKED_TO_STOP[min(self._asked_to_stop - self._told_to_stop, len(ASKED_TO_STOP)) - 1]
        self._pause_or_resume(Command.RESUME)  # what is suspended gets no signal but SIGKILL
        self._recorder.emit("command_stop", signal=number.name)
        if number == signal.SIGKILL:
            self._signal_all(number)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _signal_all(self, number: signal.Signals) -> None:
        """To the command and every process below it, whatever sessions they have."""
        try:
            leader = psutil.Process(self._process.pid)
            family = [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    # ---- requests -----------------------------------------------------------------------------------------

    def _handle(self, request: Request) -> Reply:
        """Do what a monitor asks: by the ranks that listen, else as far as it can be done without them."""
        if request.command in WHAT_RANKS_DO and self._agreement.ask(request.command):
            return Reply(taken=True)
        match request.command:
            case Command.INTERVAL if 1 <= request.value <= MOST_INTERVAL:
                self._recorder.set_interval(request.value)
            case Command.STOP:
                self._signals.waiting.append(signal.SIGINT)
            case Command.PAUSE | Command.RESUME:
                self._pause_or_resume(request.command)
            case _:
                return Reply(taken=False, reason=self._catalogue.text("command_cannot", command=request.command))
        return Reply(taken=True)

    def _pause_or_resume(self, command: Command) -> bool:
        """By signals to all processes; False if the command is another one, or they are not paused so."""
        match command:
            case Command.PAUSE:
                self._suspended = True
                self._signal_all(signal.SIGSTOP)
                self._recorder.emit("command_paused")
            case Command.RESUME if self._suspended:
                self._suspended = False
                self._signal_all(signal.SIGCONT)
                self._recorder.emit("command_resumed")
            case _:
                return False
        return True

    # ---- how it stands and how it ended -------------------------------------------------------------------

    def _emit_start(self) -> None:
        folder, recorder = self._folder, self._recorder
        recorder.emit("command", run_id=folder.run_id, command=shown(self._config.command))
        recorder.emit("run_log", path=str(folder.log))
        recorder.emit("run_output", path=str(folder.output))
        recorder.emit("run_epoch_csv", path=str(folder.epoch_csv))
        if self._config.log_batch_metrics:
            recorder.emit("run_batch_csv", path=str(folder.batch_csv))

    def _close(self, code: int, stderr: TextIO, printed: Printed, *, seen: bool) -> int:
        """Write how the command ended, everywhere; its exit code, 128 and the signal if one ended it.

        `seen`: what the command `printed` is on `stderr` already.
        """
        failure = self._failure(code)
        state = "failed" if failure is not None else "finished"
        if self._was_stopped(code, failure):
            state = "stopped"
        reason = cause = said = ""
        if state == "finished" and not self._recorder.aggregator.steps:
            self._recorder.emit(self._why_no_batch(), "warning")
        if failure is not None and state == "failed":
            ranks = self._recorder.aggregator.ranks
            lines, why = explain(failure, ranks, self._folder.output, printed, self._catalogue)
            cause, reason = why[0], "\n".join([*lines, *why])
            said = "\n".join(why) if seen else reason
        handed_on = code if code >= 0 else 128 - code
        self._presence.update(exit_code=handed_on)  # before the end is in the journal, where monitors see it
        try:
            self._recorder.close(state, reason)
        except Exception:  # noqa: BLE001 - a fault of ours: whatever it is, the user must see it
            state, reason = "failed", self._catalogue.text("internal", message=traceback.format_exc())
            said = reason
        self._write_run_json(state, reason, cause)
        if said:
            print_to(stderr, said)
        return handed_on

    def _was_stopped(self, code: int, failure: Notice | None) -> bool:
        """Whether a stop that was asked for is why the command ended: it may have gone on, and failed later."""
        if not self._asked_to_stop:
            return code == 0 and "stopped" in self._recorder.aggregator.ranks.finished.values()
        if code < 0 and -code not in ASKED_TO_STOP:
            return False
        error = first_error(self._recorder.aggregator.ranks.errors.values())
        raised_later = error is not None and error.at > self._asked_to_stop_at + STOP_SECONDS
        return failure is None or failure.kind != "failed_raised" or not raised_later

    def _why_no_batch(self) -> str:
        """The kind of the notice that says how far the hooks came."""
        if self._recorder.aggregator.ranks.pids:
            return "no_batch_step"
        if self._listener.came("hooked"):
            return "no_batch_loss"
        if self._listener.came("failed"):
            return "no_batch_hooks"
        return "no_batch_torch" if self._listener.came("started") else "no_batch_python"

    def _failure(self, code: int) -> Notice | None:
        """Why the command failed: what a rank raised first, else how the command ended; None if it did not fail."""
        if code == 0:
            return None
        aggregator = self._recorder.aggregator
        silent = aggregator.silent_ranks() if aggregator.ranks.pids else []
        first = first_error(aggregator.ranks.errors.values())
        if first is not None and not (silent and first.victim):
            return raised(first)
        if code < 0:
            return Notice("command_signal", "error", {"signal": signal_name(-code)})
        if silent:
            if not aggregator.ranks.came.issuperset(silent):  # when those that never came were gone is unknown
                return Notice("command_ranks_lost", "error", {"code": code, "ranks": ", ".join(map(str, silent))})
            rank = self._connections.first_gone(aggregator.ranks, silent)
            return Notice("command_rank_lost", "error", {"code": code, "rank": rank})
        return Notice("command_exit", "error", {"code": code})

    def _write_run_json(self, state: str, reason: str = "", cause: str = "") -> None:
        aggregator = self._recorder.aggregator
        pids = aggregator.ranks.pids
        task = shown(self._config.command)
        self._presence.update(
            kind="command",
            state=state,
            reason=reason,
            cause=cause,
            attempt=1,
            rank_pids=sorted(pids, key=pids.__getitem__),
            world_size=len(aggregator.ranks.came),
            metric_names=list(aggregator.metric_names),
            listens=bool(self._agreement.listeners),
            config={**msgspec.to_builtins(self._config, enc_hook=str), "task": task},
        )
