"""The panels at the side: ranks, system, epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from ..log.catalogue import Catalogue
from ..metrics.anomalies.hidden import LOSS_DECIMALS, LR_DECIMALS
from ..metrics.blocks import epoch_figures
from ..metrics.duration import duration
from ..metrics.numbers import hides, short
from ..metrics.records import UNKNOWN, EpochSummary
from ..metrics.run_view import RunView
from ..metrics.system import SystemState
from .lines import Panel, Piece, bar

SILENT_SECONDS = 5.0
GIB = 1 << 30
NUMBER = 9
"""Columns of a number that its line would hide."""
RANK_COLUMNS = (10, 8, 6, 6, 7)
"""Widths behind the number of the rank: loss, step, wait for data, own work, last heard."""
DECIMALS = {
    "avg_loss": LOSS_DECIMALS,
    "min_batch_loss": LOSS_DECIMALS,
    "max_batch_loss": LOSS_DECIMALS,
    "lr": LR_DECIMALS,
}
"""Of the numbers in the lines about an epoch."""


class RanksPanel(Panel):
    """One line a rank: loss, step, wait for data, own work, last heard; ▲ marks the one that holds up the rest."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._catalogue = catalogue
        self._view: RunView | None = None
        self._lines: list[list[Piece]] = []

    def sync(self, view: RunView) -> None:
        """Draw the newest state of the ranks."""
        self._view = view
        lines = [self._line(rank) for rank in view.rank_numbers]
        if lines != self._lines:
            self._lines = lines
            self.redraw()

    def title_pieces(self) -> Sequence[Piece]:
        """The name of the panel."""
        return [(self._catalogue.text("ui_ranks"), "title")]

    def body(self, y: int, width: int) -> Sequence[Piece]:
        """The heading, then one line a rank."""
        if y == 0:
            first, *titles = self._catalogue.text("ui_ranks_heading").split()
            columns = (_right(title, size) for title, size in zip(titles, RANK_COLUMNS, strict=True))
            return [(f"{first:<4}" + "".join(columns), "dim")]
        return self._lines[y - 1] if y <= len(self._lines) else ()

    def summary(self) -> list[Piece]:
        """All ranks in a few words, for a narrow screen."""
        if self._view is None:
            return []
        slow = self._view.stragglers.stragglers()
        pieces: list[Piece] = [(f" {self._catalogue.text('ui_ranks')} ", "dim")]
        for rank in self._view.rank_numbers:
            state = self._view.ranks.get(rank)
            text = f"{1000 * state.step_seconds:.0f}" if state is not None else "?"
            pieces.append((f"#{rank} ", "dim"))
            pieces.append((f"{text}▲ " if rank in slow else f"{text} ", "warn" if rank in slow else "text"))
        return [*pieces, ("ms" if len(pieces) > 1 else "–", "dim")]

    def _line(self, rank: int) -> list[Piece]:
        view = self._view
        assert view is not None
        state = view.ranks.get(rank)
        if state is None:  # of interest where others have told one
            text = self._catalogue.text("ui_rank_unheard")
            return [(f"{rank:>3} ", "strong"), (f" {text}", "warn" if view.ranks else "dim")]
        heard = view.silent_seconds(rank)
        slow = view.stragglers.stragglers().get(rank)
        late = heard >= SILENT_SECONDS
        columns = (
            (short(state.loss, 9), "text" if state.loss == state.loss else "bad"),
            (_milliseconds(state.step_seconds, 6), "text"),
            (_milliseconds(state.data_wait_seconds, 5), "text"),
            (_milliseconds(view.stragglers.busy.get(rank, 0.0), 5), "warn" if slow else "text"),
            (f"{heard:.0f}s" if late else "·", "warn" if late else "dim"),
        )
        return [
            (f"{rank:>3} ", "strong"),
            *((_right(text, size), style) for (text, style), size in zip(columns, RANK_COLUMNS, strict=True)),
            (" ▲" if slow else "  ", "warn"),
        ]


class SystemPanel(Panel):
    """CPU, memory, memory of each rank, and each GPU."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._catalogue = catalogue
        self._state: SystemState | None = None

    @staticmethod
    def lines_of(state: SystemState | None) -> int:
        """How many lines the body has for a sample."""
        return 3 if state is None else 2 + bool(state.rank_memory) + max(1, len(state.gpus))

    def sync(self, state: SystemState | None) -> None:
        """Draw a new sample."""
        if state is not self._state:
            self._state = state
            self.redraw()

    def title_pieces(self) -> Sequence[Piece]:
        """The name of the panel."""
        return [(self._catalogue.text("ui_system"), "title")]

    def body(self, y: int, width: int) -> Sequence[Piece]:
        """A bar a line."""
        state = self._state
        if state is None:
            return ()
        cores = self._catalogue.text("ui_cores", count=state.cores)
        lines: list[list[Piece]] = [
            self._bar("CPU", state.cpu_percent / 100, width, f"{state.cpu_percent:3.0f}%  {cores}"),
            self._bar(
                "RAM",
                state.ram_used / state.ram_total,
                width,
                f"{state.ram_used / GIB:.1f}/{state.ram_total / GIB:.0f} GiB",
            ),
        ]
        if state.rank_memory:
            text = " ".join(f"{rank}:{rss / GIB:.2f}" for rank, rss in enumerate(state.rank_memory))
            lines.append([(f" {self._catalogue.text('ui_rank_memory')} ", "dim"), (text, "text"), (" GiB", "dim")])
        for gpu in state.gpus:
            util = "--" if gpu.percent is None else f"{gpu.percent:3.0f}%"
            power = "--" if gpu.watts is None else f"{gpu.watts:.0f}W"
            heat = "--" if gpu.celsius is None else f"{gpu.celsius:.0f}°"
            memory = "--" if gpu.memory is None else f"{gpu.memory / GIB:.0f}G"
            lines.append(
                self._bar(f"GPU{gpu.index}", (gpu.percent or 0) / 100, width, f"{util} {memory} {power} {heat}")
            )
        if not state.gpus:
            lines.append([(" GPU  ", "dim"), ("--", "dim")])
        return lines[y] if y < len(lines) else ()

    def summary(self) -> list[Piece]:
        """The machine in a few words, for a narrow screen."""
        state = self._state
        if state is None:
            return []
        gpus = " ".join("--" if gpu.percent is None else f"{gpu.percent:.0f}%" for gpu in state.gpus)
        text = f"cpu {state.cpu_percent:.0f}%  ram {100 * state.ram_used / state.ram_total:.0f}%"
        return [(f"  {text}", "text"), (f"  gpu {gpus}" if gpus else "", "text")]

    def _bar(self, name: str, part: float, width: int, text: str) -> list[Piece]:
        filled, empty = bar(part, max(4, width - 7 - cell_len(text) - 2))
        style = "warn" if part > 0.95 and name == "RAM" else "accent"
        return [(f" {name:<5}", "dim"), (filled, style), (empty, "frame"), (f" {text}", "text")]


class EpochsPanel(Panel):
    """The newest epoch with the guide's figures, and the ones before it; ★ marks the best."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._catalogue = catalogue
        self._view: RunView | None = None
        self._shown = (-1, 0)

    def sync(self, view: RunView) -> None:
        """Draw if an epoch has ended."""
        self._view = view
        state = (len(view.epochs), self.size.height)
        if state != self._shown:
            self._shown = state
            self.redraw()

    def title_pieces(self) -> Sequence[Piece]:
        """The name of the panel, and the best epoch."""
        title: list[Piece] = [(self._catalogue.text("ui_epochs"), "title")]
        if self._view is not None and self._view.best is not None:
            title.append((" · ★ " + self._catalogue.text("ui_best_epoch", epoch=self._view.best.epoch), "good"))
        return title

    def body(self, y: int, width: int) -> Sequence[Piece]:
        """Seven lines of the newest epoch, a heading, then one line an epoch, the newest first."""
        view = self._view
        if view is None or not view.epochs:
            return [(" " + self._catalogue.text("ui_no_epoch"), "dim")] if y == 0 else ()
        figures = self._figures(view.epochs[-1], width)
        room = self.body_height - len(figures) - 1
        if room < 1:
            figures, room = [], self.body_height - 1
        if y < len(figures):
            return figures[y]
        if y == len(figures):
            return [(self._catalogue.text("ui_epochs_heading"), "dim")]
        place = y - len(figures)
        return self._row(view.epochs[-place], view) if place <= min(room, len(view.epochs)) else ()

    def summary(self) -> list[Piece]:
        """The newest epoch in one line, for a narrow screen."""
        view = self._view
        if view is None or not view.epochs:
            return [(" " + self._catalogue.text("ui_no_epoch"), "dim")]
        text, newest = self._catalogue.text, view.epochs[-1]
        epoch, loss, val, time_, mark, style = self._cells(newest, view)
        pieces: list[Piece] = [(" epoch ", "dim"), (f"{epoch}{mark and ' ' + mark}", style)]
        for title, cell in (("ui_mean", loss), ("ui_val", val)):
            pieces += [(f"  {text(title)} ", "dim"), (cell, style)]
        return [*pieces, (f"  {time_}", "dim")]

    def _figures(self, summary: EpochSummary, width: int) -> list[list[Piece]]:
        view = self._view
        batches = view.batches if view is not None and view.epoch == summary.epoch else UNKNOWN
        figures = epoch_figures(summary, self._epochs, batches)
        lines = [self._figure(key, fields, width - 1) for key, fields in figures]
        return [[(f" {line}", "text" if i else "strong")] for i, line in enumerate(lines)]

    def _figure(self, key: str, fields: Mapping[str, str | int | float], width: int) -> str:
        """The guide's line, but with the number in another form where the line hides it, or has no room for it."""
        line = self._catalogue.text(key, **fields)
        decimals = DECIMALS.get(key)
        if decimals is None:
            return line
        value = float(fields["value"])
        if hides(value, decimals) or cell_len(line) > width:
            line = line.replace(f"{value:z.{decimals}f}", short(value, NUMBER))
        return line

    @property
    def _epochs(self) -> int:
        return self._view.started.epochs if self._view is not None and self._view.started is not None else 0

    def _row(self, summary: EpochSummary, view: RunView) -> list[Piece]:
        epoch, loss, val, time_, mark, style = self._cells(summary, view)
        return [(f"{epoch:>5} {loss:>8} {val:>8} {time_:>8} {mark}", style)]

    def _cells(self, summary: EpochSummary, view: RunView) -> tuple[str, ...]:
        """Number, mean loss, validation, time and mark of an epoch, and the style of it all."""
        best = view.best is not None and view.best.epoch == summary.epoch
        loss = short(summary.avg_loss, 8)
        val = "--" if summary.val_loss is None else short(summary.val_loss, 8)
        mark = {"completed": "★" if best else "", "stopped": "■", "failed": "✖"}[summary.status]
        style = "good" if best else "text" if summary.status == "completed" else "warn"
        return str(summary.epoch), loss, val, duration(summary.epoch_seconds), mark, style


def _right(text: str, width: int) -> str:
    """The text at the right of `width` columns."""
    return " " * (width - cell_len(text)) + text


def _milliseconds(seconds: float, width: int) -> str:
    """Milliseconds, or seconds if that takes more than `width` columns; ? if unknown."""
    if seconds != seconds:
        return "?"
    text = f"{1000 * seconds:.0f}"
    return text if len(text) <= width else f"{seconds:.0f}s"
