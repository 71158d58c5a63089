"""How this process ends, for the runs that are open in it: an exception, its end, a fork."""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.util
import os
import sys
import threading
from time import monotonic
from types import TracebackType
from typing import Generic, Protocol, TypeVar

END_SECONDS = 5.0
"""How long the end of a run, or of a process with all its runs, waits for what is left to be sent and written."""


class Open(Protocol):
    """A run that has not ended."""

    def ended_by(self, error: BaseException | None) -> None:
        """The process ends by an exception that nobody caught, or by itself."""

    def settle(self, until: float) -> None:
        """It has ended: wait until then at most, till all is sent and written."""

    def let_go(self) -> bool:
        """The process is one that was forked from that of the run; whether it is none of this one any more."""


OpenRun = TypeVar("OpenRun", bound=Open)


class Processes(Generic[OpenRun]):
    """The runs of this process."""

    def __init__(self) -> None:
        self.newest: OpenRun | None = None
        """The run that was begun last, whether it has ended or not."""
        self._open: list[OpenRun] = []
        self._watched = False
        self._child = 0
        """The process of `multiprocessing` whose end is watched."""

    def add(self, run: OpenRun) -> None:
        """A run that is open from here on."""
        self.newest = run
        self._open.append(run)
        self.watch()

    def watch(self) -> None:
        """See to it that the runs are told how this process ends."""
        if not self._watched:
            self._watched = True
            self._watch()
        if self._child != os.getpid() and multiprocessing.parent_process() is not None:
            # here an exception may never reach the hooks, which a forked child inherits and which do not run in it
            self._child = os.getpid()
            multiprocessing.util.Finalize(None, self._at_exit_of_child, exitpriority=100)

    def remove(self, run: OpenRun) -> None:
        """It has ended."""
        if run in self._open:
            self._open.remove(run)

    def settle_meanwhile(self, runs: list[OpenRun]) -> None:
        """They have ended by an exception, which must be shown at once. Python waits for the thread at its end."""
        try:
            if runs:
                threading.Thread(target=_settle, args=(runs,), name="settle").start()
        except RuntimeError:  # there are too many threads
            _settle(runs)

    def _watch(self) -> None:
        original = sys.excepthook

        def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            try:
                if not hasattr(sys, "ps1"):  # a person at a prompt goes on
                    self.settle_meanwhile(self._end(error))
            finally:
                original(kind, error, trace)

        sys.excepthook = on_exception
        atexit.register(self._at_exit)
        os.register_at_fork(after_in_child=self._forked)

    def _at_exit(self) -> None:
        """The process ends; an exception that went past our hook, which others replace, stands here."""
        _settle(self._end(None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)))

    def _at_exit_of_child(self) -> None:
        """As `multiprocessing` ends a child: with what was raised in it still on its way.

        `torch.multiprocessing` catches it and exits in its place.
        """
        error = sys.exc_info()[1]
        if isinstance(error, SystemExit) and error.code not in (None, 0):
            error = error.__context__ or error
        elif isinstance(error, SystemExit):
            error = None
        self.settle_meanwhile(self._end(error))

    def _end(self, error: BaseException | None) -> list[OpenRun]:
        ended = self._open[::-1]
        for run in ended:
            run.ended_by(error)
        return ended

    def _forked(self) -> None:
        self._open = [run for run in self._open if not run.let_go()]


def _settle(runs: list[OpenRun]) -> None:
    until = monotonic() + END_SECONDS
    for run in runs:
        run.settle(until)
