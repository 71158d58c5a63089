"""How far a prediction is, on stderr, if that is a terminal; the lines that are printed meanwhile stay whole."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class PredictProgress:
    """A bar over all pictures, which moves within a large one too. Nothing at all where nobody looks on."""

    def __init__(self, pictures: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            disable=sys.stderr is None or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=pictures)
        self._finished = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begins(self, name: str) -> None:
        """The picture `name` comes next."""
        self._progress.update(self._task, description=escape(name))

    def share(self, share: float) -> None:
        """So much of the present picture is done, from 0 to 1."""
        self._progress.update(self._task, completed=self._finished + share)

    def done(self) -> None:
        """The present picture is done."""
        self._finished += 1
        self._progress.update(self._task, completed=self._finished)
