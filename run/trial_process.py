"""The process in which a task is tried before anything is written.

It is forked from the process that the ranks are forked from, so torch is there already, and it ends before they
start: what the task did to it, and the memory that it took, are gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ..engine.config import TrainConfig
from ..errors import UsageError
from ..log.catalogue import Catalogue
from .launcher import kill_tree
from .reading_progress import ReadingProgress, now_and_then
from .signals import signal_name

if TYPE_CHECKING:
    from .preflight import Plan

TIMED = ("loss", "metrics", "optimizer", "scheduler", "score", "collate_fn")
"""The functions of a task that work on one batch. Datasets may take as long as they like to get ready."""

QUIET_SECONDS = 10.0
"""Before a person is told what takes so long."""

ONE_RANK = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "GROUP_RANK": "0",
    "WORLD_SIZE": "1",
    "LOCAL_WORLD_SIZE": "1",
}
"""What the task finds in its environment."""


class TrialError(Exception):
    """A fault of ours; the text is its traceback."""


def try_task(config: TrainConfig, checkpoint: Path | None, catalogue: Catalogue, stderr: TextIO) -> Plan:
    """What can be started; raises `UsageError` for a task that cannot be trained as it is.

    `checkpoint` is where the run goes on. What takes long is said on `stderr`.
    """
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(config, checkpoint, theirs), name="trial")
    process.start()
    theirs.close()
    waiting = _Waiting(config, ours, process, catalogue, stderr)
    try:
        return waiting.answer()
    finally:
        waiting.end()
        kill_tree(process.pid or 0)
        process.join()
        ours.close()


class _Waiting:
    """Listens to the process until it has an answer, or has taken too long for one."""

    def __init__(
        self, config: TrainConfig, told: Connection, process: BaseProcess, catalogue: Catalogue, stderr: TextIO
    ) -> None:
        self._config = config
        self._told = told
        self._process = process
        self._catalogue = catalogue
        self._stderr = stderr
        self._member = "__init__"
        self._since = time.monotonic()
        self._said = False
        self._reading = ReadingProgress(catalogue, stderr)

    def answer(self) -> Plan:
        while True:
            if not self._told.poll(self._seconds_to_next()):
                self._nothing_came()
                continue
            try:
                kind, content = self._told.recv()
            except EOFError:
                raise self._died() from None
            if kind == "read":
                self._reading.show(*content)
                self._since = time.monotonic()
            elif kind == "enter":
                self._reading.clear()
                self._member, self._since = content, time.monotonic()
            elif kind == "usage":
                key, fields = content
                raise UsageError(key, **fields)
            elif kind == "fault":
                raise TrialError(content)
            else:
                plan: Plan = content
                return plan

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._reading.clear()

    @property
    def _patience(self) -> float:
        """Seconds for what goes on now: a batch has as many as the first one of a run."""
        from ..engine.patience import FIRST_BATCH

        return FIRST_BATCH * self._config.timeout if self._member in TIMED else float("inf")

    def _seconds_to_next(self) -> float | None:
        left = self._patience if self._said else min(QUIET_SECONDS, self._patience)
        return None if left == float("inf") else max(0.0, self._since + left - time.monotonic())

    def _nothing_came(self) -> None:
        if time.monotonic() - self._since >= self._patience:
            raise UsageError("trial_slow", method=self._member, seconds=self._patience)
        if not self._said:
            self._said = True
            self._reading.clear()
            print(self._catalogue.text("trial_goes_on", method=self._member), file=self._stderr, flush=True)

    def _died(self) -> UsageError:
        self._process.join()
        code = self._process.exitcode or 0
        how = signal_name(-code) if code < 0 else f"exit {code}"
        return UsageError("trial_died", method=self._member, how=how)


def _run(config: TrainConfig, checkpoint: Path | None, told: Connection) -> None:
    """What the process does."""
    from ..engine.rank import end_with_parent
    from .preflight import check_run

    # Data loaders and pools of the task start their processes as in a rank.
    multiprocessing.set_start_method(None, force=True)
    end_with_parent()
    os.environ.update(ONE_RANK)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(nowhere, fd)
    try:
        plan = check_run(
            config,
            checkpoint,
            enter=lambda member: told.send(("enter", member)),
            progress=now_and_then(lambda done, total: told.send(("read", (done, total)))),
        )
    except UsageError as error:
        told.send(("usage", (error.key, error.fields)))
    except Exception:  # noqa: BLE001 - a fault of ours: whatever it is, the user must see it
        told.send(("fault", traceback.format_exc()))
    else:
        told.send(("plan", plan))
    signal.pause()  # it is killed together with what the task started, some of which may never end by itself
