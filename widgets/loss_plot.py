"""The sparkline of the loss, or of a named value: band, mean, validation points, marks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..log.catalogue import Catalogue, one_line
from ..metrics.anomalies.hidden import LR_DECIMALS
from ..metrics.numbers import hides, short
from ..metrics.run_view import RunView
from ..metrics.value_curves import ValueCurve
from .curve import BAD, BAND, LINE, SPIKE, SYMBOLS, VALID, Drawing, Symbols, draw
from .lines import Panel, Piece

NUMBER = 9
"""Columns of a number in the note."""
AXIS = 9
"""How many columns the axis at the left takes."""
NAMES = {0: "text", BAND: "dim", LINE: "accent", VALID: "good", BAD: "bad", SPIKE: "warn"}


class LossPlot(Panel):
    """The loss of the whole run, or one of its named values."""

    def __init__(self, catalogue: Catalogue, *, symbols: Symbols, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.log_scale = False
        self.smoothing = False
        self.symbols = symbols
        self.value = ""
        """Which value is drawn; empty for the loss."""
        self._catalogue = catalogue
        self._view: RunView | None = None
        self._drawing: Drawing | None = None
        self._drawn: tuple[object, ...] = ()

    def sync(self, view: RunView) -> None:
        """Draw the curve anew if there is anything new in it."""
        self._view = view
        width, height = self.size.width - 2 - AXIS, self.body_height
        state = (view.batch_count, len(view.validations), view.spikes, width, height, *self._options())
        if state == self._drawn or width < 4 or height < 1:
            return
        self._drawn = state
        shown = self._shown_value
        steps = view.losses if shown is None else shown.curve
        self._drawing = draw(
            steps.curve(),
            steps.count,
            view.validations if shown is None else (),
            width,
            height,
            log_scale=self.log_scale,
            smoothing=self.smoothing,
            symbols=self.symbols,
        )
        self.redraw()

    def on_resize(self) -> None:
        """A curve fits one size only."""
        if self._view is not None:
            self.sync(self._view)

    def next_symbols(self) -> None:
        """The next set of characters, for fonts that lack one."""
        self.symbols = SYMBOLS[(SYMBOLS.index(self.symbols) + 1) % len(SYMBOLS)]

    def next_value(self, step: int) -> None:
        """Draw the next of the loss and the values, or the one before."""
        names = ["", *(self._view.values.by_name if self._view is not None else ())]
        place = names.index(self.value) if self.value in names else 0
        self.value = names[(place + step) % len(names)]

    @property
    def _shown_value(self) -> ValueCurve | None:
        return self._view.values.by_name.get(self.value) if self._view is not None else None

    def _options(self) -> tuple[object, ...]:
        return self.log_scale, self.smoothing, self.symbols, self.value

    def title_pieces(self) -> Sequence[Piece]:
        """Name and how it is drawn."""
        text = self._catalogue.text
        view, value = self._view, self._shown_value
        title: list[Piece] = [(text("ui_loss") if value is None else one_line(self.value), "title")]
        options = [text("ui_log_scale")] * self.log_scale + [text("ui_smoothed")] * self.smoothing
        title += [(f" · {option}", "dim") for option in options]
        if view is None:
            return title
        if nonfinite := view.nonfinite if value is None else value.nonfinite:
            title.append((f" · ✖ {nonfinite:,} NaN/Inf", "bad"))
        if value is None and view.spikes:
            title.append((" · ▲ " + text("ui_spikes", count=view.spikes), "warn"))
        if value is None and view.validations:
            title.append((" · ◆ " + text("ui_validation"), "good"))
        return title

    def note(self) -> str:
        """The newest values."""
        view = self._view
        if view is None or view.batch is None:
            return ""
        if (value := self._shown_value) is not None:
            newest, least, most = (short(number, NUMBER) for number in (value.newest, value.least, value.most))
            return self._catalogue.text(
                "ui_value_note", newest=newest, least=least, most=most, count=f"{view.batch_count:,}"
            )
        loss, mean = (short(value, NUMBER) for value in (view.batch.loss, view.smoothed))
        best_score = short(view.best.loss, NUMBER) if view.best is not None else "--"
        note = self._catalogue.text(
            "ui_loss_note", loss=loss, mean=mean, best=best_score, count=f"{view.batch_count:,}"
        )
        if hides(view.batch.lr, LR_DECIMALS):
            rate = self._catalogue.text("ui_rate_note", lr=short(view.batch.lr, NUMBER))
            note = f"{rate} · {note}"
        return note

    def body(self, y: int, width: int) -> Sequence[Piece]:
        """The axis and one row of the curve."""
        drawing = self._drawing
        if self._view is not None and not self._view.batch_count:
            return [(" " + self._catalogue.text("ui_no_curve"), "dim")] if y == 0 else ()
        if drawing is None or y >= len(drawing.rows) or drawing.kinds.shape[1] != width - AXIS:
            return ()
        row, kinds = drawing.rows[y], drawing.kinds[y]
        pieces: list[Piece] = [(self._axis(y, drawing), "dim")]
        for kind, cells in groupby(range(len(row)), key=lambda x: int(kinds[x])):
            pieces.append(("".join(row[x] for x in cells), NAMES[kind]))
        return pieces

    def _axis(self, y: int, drawing: Drawing) -> str:
        """The values at the upper, middle and lower end."""
        last = len(drawing.rows) - 1
        if y not in (0, last) and (last < 4 or y != last // 2):
            return " " * (AXIS - 1) + "│"
        value = drawing.loss_at(y / last if last else 0.0)
        return f"{short(value, AXIS - 1):>{AXIS - 1}}┤"
