"""What all hooks share: whether they are on, the observer to which they report, and how the watch ends.

A fault of ours turns all hooks off and is told once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...log.streams import say_line
from ..lengths import length_of
from ..reporter import Reporter
from .observer import Observer

HOOKED = "_everybatch"
"""Of functions that stand in for others already."""


class Watch:
    """The watch over the training of this process."""

    def __init__(self, connect: Callable[[str], Reporter]) -> None:
        self.observer = Observer(connect, length_of)
        """Another one in a forked process, so hooks ask for it each time."""
        self.on = True
        self.watching = True
        """They are on, and outside of a backward. That may call another one, as checkpointed parts do, whose
        tensors are no losses."""
        self._connect = connect
        self._ended = False
        """The last word was said."""

    def failed(self, error: Exception) -> None:
        """A fault of ours: all hooks are off from here on."""
        self.on = self.watching = False
        self.observer.break_off()
        if not self.observer.warn("hook_failed", error=f"{type(error).__name__}: {error}"):
            say_unwatched(error)

    def tell(self, what: Callable[..., None], *arguments: Any) -> None:
        """Tell the observer something for which the training must not fail."""
        try:
            what(*arguments)
        except Exception as error:  # noqa: BLE001 - as in all hooks: whatever it is, the training must go on
            self.failed(error)

    def _end(self, say: Callable[..., None], *arguments: Any) -> None:
        if self._ended:
            return
        self.on = self.watching = False
        self._ended = True
        try:
            say(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the process must end as it would without us
            say_unwatched(error)

    def finish(self) -> None:
        """The process ends by itself."""
        self._end(self.observer.finish)

    def fail(self, error: BaseException) -> None:
        """The process ends by an exception that nobody caught."""
        self._end(self.observer.fail, error)

    def hand_over(self) -> tuple[int, int]:
        """The training tells of itself from here on: the steps and epochs that were told."""
        self._end(self.observer.hand_over)
        return self.observer.steps, self.observer.epoch

    def thread_failed(self, error: BaseException) -> None:
        """A thread of the script ended by an exception, and the training goes on."""
        if self.on:
            self.observer.warn("thread_failed", error=f"{type(error).__name__}: {error}")

    def forked(self) -> None:
        """In a process forked from this one: a loader's worker, or a rank if this one has not trained itself."""
        self.on = self.on and not self.observer.trains
        self._ended = not self.on
        self.watching = self.on
        self.observer = Observer(self._connect, length_of)


def say_unwatched(error: Exception) -> None:
    """Say in the terminal of the training that nothing more is seen of it."""
    say_line(f"everybatch: this training is not watched any more: {error}")
