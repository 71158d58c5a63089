"""The panel of the named values of a batch: the newest of each, the least and the most."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from ..log.catalogue import Catalogue, one_line
from ..metrics.numbers import short
from ..metrics.run_view import RunView
from ..metrics.value_curves import ValueCurve
from .lines import Panel, Piece

NUMBER = 9
LEAST_NAME = 6
MOST_LINES = 6
"""Beside the other panels."""


class ValuesPanel(Panel):
    """One line a value; the one that the plot shows is marked, and always in sight."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._catalogue = catalogue
        self._plotted = ""
        self._rows: list[tuple[str, ValueCurve]] = []
        self._drawn: object = None

    def sync(self, view: RunView, plotted: str) -> None:
        """Draw the newest values; `plotted` is the one in the plot, empty for the loss."""
        self._rows = list(view.values.by_name.items())
        self._plotted = plotted
        state = (view.batch_count, len(self._rows), plotted, self.size)
        if state != self._drawn:
            self._drawn = state
            self.redraw()

    def title_pieces(self) -> Sequence[Piece]:
        """The name of the panel, and how many values there are when not all of them are in sight."""
        title: list[Piece] = [(self._catalogue.text("ui_values"), "title")]
        if len(self._rows) > self._room:
            title.append((f" · {len(self._rows)}", "dim"))
        return title

    def body(self, y: int, width: int) -> Sequence[Piece]:
        """The heading, then one line a value."""
        numbers = 3 * (NUMBER + 1)
        name_width = max(LEAST_NAME, width - numbers - 4)
        if y == 0:
            titles = (self._catalogue.text(f"ui_values_{key}") for key in ("newest", "least", "most"))
            return [(" " * (name_width + 2) + "".join(_right(title) for title in titles), "dim")]
        place = self._first + y - 1
        if place >= len(self._rows):
            return ()
        name, value = self._rows[place]
        plotted = name == self._plotted
        return [
            ("▸ " if plotted else "  ", "accent"),
            (_fitted(one_line(name), name_width), "strong" if plotted else "text"),
            (_right(_shown(value.newest)), _style(value, "strong")),
            (_right(_shown(value.least)) + _right(_shown(value.most)), "dim"),
            (" ✖" if value.nonfinite else "", "bad"),
        ]

    def summary(self) -> list[Piece]:
        """The newest of each in a line, for a narrow screen."""
        pieces: list[Piece] = []
        for name, value in self._rows:
            pieces += [(f"  {one_line(name)} ", "dim"), (_shown(value.newest), _style(value, "text"))]
        return pieces

    @property
    def _room(self) -> int:
        return max(1, self.body_height - 1)

    @property
    def _first(self) -> int:
        """The value in the first line, so that the plotted one is in sight."""
        places = [place for place, (name, _) in enumerate(self._rows) if name == self._plotted]
        return max(0, places[0] - self._room + 1) if places else 0


def _style(value: ValueCurve, usual: str) -> str:
    return usual if math.isfinite(value.newest) else "bad"


def _shown(value: float) -> str:
    return short(value, NUMBER)


def _right(text: str) -> str:
    return " " * max(1, NUMBER + 1 - cell_len(text)) + text


def _fitted(name: str, width: int) -> str:
    return set_cell_size(name if cell_len(name) <= width else set_cell_size(name, width - 1) + "…", width)
