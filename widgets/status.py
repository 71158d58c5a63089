"""The two lines at the top: state of the run, and progress of epoch and run."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from ..log.catalogue import Catalogue, one_line
from ..metrics.duration import duration
from ..metrics.records import shown_total
from ..metrics.run_view import RunView
from .lines import LineWidget, Piece, bar

STATE_STYLES = {
    "failed": "alarm",
    "lost": "alarm",
    "silent": "hold",
    "paused": "hold",
    "stopping": "hold",
    "restarting": "hold",
    "stopped": "hold",
}


LEAST_TASK = 16
"""Columns of a task, or of a command, in the first line."""


class StatusLine(LineWidget):
    """State, task, ranks, device, times, checkpoint, and what the monitor itself costs."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.state = "starting"
        self.cost = math.nan
        """CPU time that the monitor takes, in percent of one core."""
        self.unread = 0.0
        """The part of the journal that is still to be read, 0 to 1."""
        self._catalogue = catalogue
        self._view: RunView | None = None

    def sync(self, view: RunView) -> None:
        """Draw the present state."""
        self._view = view
        self.redraw()

    def pieces(self, y: int, width: int) -> Sequence[Piece]:
        """What matters most comes first; what does not fit is left out."""
        text = self._catalogue.text
        state: Piece = (f" {text(f'state_{self.state}')} ", STATE_STYLES.get(self.state, "chip"))
        if self._view is None or (run := self._view.started) is None:
            return [state]
        pieces: list[Piece] = [
            state,
            (f" {_shortened(one_line(run.task), max(LEAST_TASK, width // 2 - 8))}", "strong"),
        ]
        left = width - sum(cell_len(piece) for piece, _ in pieces)
        for fact, style in self._facts(self._view):
            if cell_len(fact) + 2 <= left:
                pieces += [("  ", "text"), (fact, style)]
                left -= cell_len(fact) + 2
        return pieces

    def _facts(self, view: RunView) -> list[Piece]:
        text = self._catalogue.text
        run = view.started
        assert run is not None
        facts: list[Piece] = []
        if run.attempt > 1:
            facts.append((text("ui_attempt", attempt=run.attempt), "warn"))
        if self.unread > 0.01:
            facts.append((text("ui_loading", percent=100 * (1 - self.unread)), "accent"))
        if math.isfinite(view.seconds_left):
            facts.append((text("ui_left", time=duration(view.seconds_left)), "accent"))
        facts.append((text("ui_elapsed", time=duration(view.elapsed)), "text"))
        if run.world_size > 0:
            where = "/".join(filter(None, (run.device, run.backend)))
            ranks = "ui_rank_on" if run.world_size == 1 else "ui_ranks_on"
            facts.append((text(ranks, count=run.world_size, where=where), "dim"))
        if math.isfinite(view.seconds_left):
            ends = time.localtime(time.time() + view.seconds_left)
            today = ends.tm_yday == time.localtime().tm_yday
            facts.append((text("ui_ends", time=time.strftime("%H:%M" if today else "%m-%d %H:%M", ends)), "dim"))
        if view.saved_at:
            facts.append((text("ui_saved", time=_ago(time.time() - view.saved_at)), "dim"))
        if math.isfinite(self.cost):
            facts.append((text("ui_cost", percent=self.cost), "dim"))
        return facts


class ProgressLine(LineWidget):
    """How far the epoch and the run are."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._catalogue = catalogue
        self._view: RunView | None = None

    def sync(self, view: RunView) -> None:
        """Draw the present state."""
        self._view = view
        self.redraw()

    def pieces(self, y: int, width: int) -> Sequence[Piece]:
        """Two bars."""
        view = self._view
        if view is None or view.started is None:
            return ()
        text = self._catalogue.text
        epoch = text("ui_epoch", epoch=view.epoch, epochs=shown_total(view.started.epochs))
        total = text("ui_total")
        room = width - cell_len(epoch) - cell_len(total) - 20
        size = max(4, room // 2)
        return [
            (f" {epoch} ", "text"),
            *_bar(view.epoch_part, size, "good" if view.validating else "accent"),
            (f" {_percent(view.epoch_part)}  ", "strong"),
            (f"{total} ", "text"),
            *_bar(_of_run(view), size, "accent"),
            (f" {_percent(_of_run(view))}", "strong"),
        ]


def _shortened(task: str, width: int) -> str:
    """A long command without its middle: its beginning and its end tell most."""
    if cell_len(task) <= width:
        return task
    end = width // 2
    while cell_len(task[-end:]) > width // 2:
        end -= 1
    return set_cell_size(task, width - 1 - cell_len(task[-end:])) + "…" + task[-end:]


def _of_run(view: RunView) -> float:
    """How much of the run is done; all of one that has finished, however long it was to be."""
    return 1.0 if view.ended is not None and view.ended.state == "finished" else view.run_part


def _percent(part: float) -> str:
    return "     ?" if math.isnan(part) else f"{100 * part:5.1f}%"


def _bar(part: float, width: int, style: str) -> list[Piece]:
    filled, empty = bar(0.0 if math.isnan(part) else part, width)
    return [(filled, style), (empty, "frame")]


def _ago(seconds: float) -> str:
    if seconds < 60:
        return f"{max(0, int(seconds))}s"
    return f"{int(seconds // 60)}m" if seconds < 3600 else f"{seconds / 3600:.1f}h"
