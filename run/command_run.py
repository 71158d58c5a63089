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
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import msgspec
import psutil

from ..log.catalogue import Catalogue
from ..log.streams import print_to
from ..metrics.commands import Command
from ..metrics.files.append_file import AppendFile
from ..metrics.records import UNKNOWN, Notice, RunStarted
from .attempt_info import AttemptInfo
from .command_config import CommandConfig, executable, shown
from .command_output import OutputReader, writer_to
from .foreign_endings import failed_in_spite_of_stop, failure_of_command, why_no_batch
from .foreign_failure import explain
from .foreign_run import POLL_SECONDS, ForeignRun
from .listener import Listener
from .printed import Printed, last_printed
from .run_folder import RunFolder
from .run_lock import RunLock
from .signals import Signals

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
            return CommandRun(config, arguments, catalogue, folder, lock, signals, stdout).run(stderr, created)


class CommandRun(ForeignRun):
    """Starts the command, and says how it ended."""

    _pauses_without_ranks = True

    def __init__(
        self,
        config: CommandConfig,
        arguments: list[str],
        catalogue: Catalogue,
        folder: RunFolder,
        lock: RunLock,
        signals: Signals,
        stdout: TextIO | None,
    ) -> None:
        started = RunStarted(
            run_id=folder.run_id,
            attempt=1,
            task=shown(config.command),
            epochs=config.epochs,
            world_size=UNKNOWN,
            device="",
            backend="",
            log_interval=config.log_interval,
            metric_names=(),
            at=time.time(),
            steps=config.steps or UNKNOWN,
        )
        attempt = AttemptInfo(folder, started, config.log_batch_metrics)
        super().__init__(attempt, catalogue, folder, lock, signals, stdout)
        self._config = config
        self._arguments = arguments
        self._stdout = stdout
        self._told_to_stop = 0
        self._asked_to_stop_at = 0.0
        self._suspended = False
        """By signals."""

    def run(self, stderr: TextIO, created: Callable[[RunFolder], None]) -> int:
        """Run to the end; the exit code of the command."""
        self._emit_start()
        with self._present(stderr) as listener:
            created(self._folder)
            return self._attend(listener, stderr)

    # ---- the command --------------------------------------------------------------------------------------

    def _attend(self, listener: Listener, stderr: TextIO) -> int:
        """Start the command, wait for its end and write how it ended; its exit code."""
        stdout = self._stdout
        output = AppendFile(self._folder.output)
        out, to_out = os.pipe()
        self._process = process = subprocess.Popen(
            self._arguments,
            stdin=None if stdout is not None else subprocess.DEVNULL,
            stdout=to_out,
            stderr=subprocess.PIPE,
            env=_environment(listener, to_out),
            start_new_session=True,
        )
        os.close(to_out)
        pipes = [(os.fdopen(out, "rb"), stdout), (process.stderr, stderr if stdout is not None else None)]
        readers = [
            OutputReader(pipe, lambda data: output.write([data]), writer_to(stream))
            for pipe, stream in pipes
            if pipe is not None
        ]
        self._wait(process, listener)
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while self._recorder.open_queues and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        self._recorder.drain()
        output.close()
        printed = last_printed(self._folder.output, [reader.tail for reader in reversed(readers)])
        return self._close(process.returncode, listener, printed, stderr)

    def _wait(self, process: subprocess.Popen[bytes], listener: Listener) -> None:
        began = time.monotonic()
        told = waited = listens = False
        while process.poll() is None:
            while self._signals.waiting:
                self._handle_signal(self._signals.waiting.popleft())
            self._work(SILENT_RANKS_SECONDS)
            if not told and self._recorder.aggregator.steps:
                told = True
                self._write_run_json("running")
            if listens != bool(self._agreement.listeners):
                listens = not listens
                self._write_run_json("running")
            if not waited and time.monotonic() - began > LET_IN_SECONDS:
                waited = True
                if not listener.came("started"):
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
        self._do_without_ranks(Command.RESUME)  # what is suspended gets no signal but SIGKILL
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

    def _do_without_ranks(self, command: Command) -> bool:
        """Pause and go on, by signals to all processes; False if they are not paused so."""
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
        self._emit_files()

    def _close(self, code: int, listener: Listener, printed: Printed, stderr: TextIO) -> int:
        """Write how the command ended, everywhere; its exit code, 128 and the signal if one ended it."""
        aggregator = self._recorder.aggregator
        failure = failure_of_command(code, aggregator, self._connections)
        state = "failed" if failure is not None else "finished"
        if self._was_stopped(code, failure):
            state = "stopped"
        if state == "finished" and not aggregator.steps:
            self._recorder.emit(why_no_batch(aggregator.ranks, listener), "warning")
        reason = cause = said = ""
        if failure is not None and state == "failed":
            lines, why = explain(failure, aggregator.ranks, printed, self._folder.output, self._catalogue)
            cause, reason = why[0], "\n".join([*lines, *why])
            said = reason if self._stdout is None else "\n".join(why)  # what it printed is there already
        handed_on = code if code >= 0 else 128 - code
        self._presence.update(exit_code=handed_on)  # before the end is in the journal, where monitors see it
        fault = self._write_end(state, reason, cause)
        if fault or said:
            print_to(stderr, fault or said)
        return handed_on

    def _was_stopped(self, code: int, failure: Notice | None) -> bool:
        """Whether a stop that was asked for is why the command ended: it may have gone on, and failed later."""
        ranks = self._recorder.aggregator.ranks
        if not self._asked_to_stop:
            return code == 0 and "stopped" in ranks.finished.values()
        if code < 0 and -code not in ASKED_TO_STOP:
            return False
        return failure is None or not failed_in_spite_of_stop(failure, ranks, self._asked_to_stop_at)

    def _description(self) -> dict[str, Any]:
        config = msgspec.to_builtins(self._config, enc_hook=str)
        return {
            "kind": "command",
            "attempt": 1,
            "listens": bool(self._agreement.listeners),
            "config": {**config, "task": shown(self._config.command)},
        }


def _environment(listener: Listener, stdout: int) -> dict[str, str]:
    """Of the command: where the ranks report, and what leads the hooks in."""
    inherited = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        **listener.address.environment(),
        OUTPUT_VARIABLE: str(os.fstat(stdout).st_ino),
        "PYTHONPATH": os.pathsep.join([str(STARTUP_FOLDER), *([inherited] if inherited else [])]),
    }
