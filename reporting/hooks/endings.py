"""How a process ends: by itself, or by an exception that nobody caught, in it or in a process that it started."""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.process
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

Failed = Callable[[BaseException], None]


def hook_endings(finished: Callable[[], None], failed: Failed, thread_failed: Failed) -> None:
    """Have the end of this process told, and the exception that ends one of its threads."""
    _hook_exceptions(failed)
    _hook_threads(thread_failed)
    _hook_children(finished, failed)

    def at_exit() -> None:
        # Python keeps there what ended the main module, whoever replaced `sys.excepthook` since.
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        if error is not None and not hasattr(sys, "ps1"):
            failed(error)
        else:
            finished()

    atexit.register(at_exit)


def _hook_exceptions(failed: Failed) -> None:
    original = sys.excepthook

    def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        try:
            original(kind, error, trace)
        finally:
            failed(error)

    sys.excepthook = on_exception


def _hook_threads(failed: Failed) -> None:
    original = threading.excepthook

    def on_exception(arguments: Any) -> None:
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            failed(arguments.exc_value)
        original(arguments)

    threading.excepthook = on_exception


def _hook_children(finished: Callable[[], None], failed: Failed) -> None:
    """`multiprocessing` catches what a child raises, and ends a forked one without the functions of `atexit`."""
    process = multiprocessing.process.BaseProcess
    original = process.run

    def run(this: Any) -> None:
        if multiprocessing.parent_process() is None:  # somebody calls it as a plain function
            original(this)
            return
        try:
            original(this)
        except SystemExit as error:
            if not error.code:
                finished()
            elif isinstance(error.__context__, Exception):  # as torch.multiprocessing leaves a child that raised
                failed(error.__context__)
            raise
        except BaseException as error:
            failed(error)
            raise
        finished()

    process.run = run  # type: ignore[method-assign, assignment]
