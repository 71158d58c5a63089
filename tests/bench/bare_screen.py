"""The floor of a frame: a Textual app that paints prepared rows, as many as the log of a 140×40 screen has."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.strip import Strip
from textual.widget import Widget

ROWS, COLUMNS, PIECES = 26, 92, 6
FRAMES_PER_SECOND = 10


class Rows(Widget):
    """Rows that were all made beforehand; every frame shows others."""

    DEFAULT_CSS = f"Rows {{ width: {COLUMNS}; height: {ROWS}; }}"

    def __init__(self) -> None:
        super().__init__()
        styles = [Style(color=f"color({16 + piece})", bgcolor="#000000") for piece in range(PIECES)]
        self._strips = [
            Strip([Segment(f"{row:>14} ", style) for style in styles]).adjust_cell_length(COLUMNS, styles[0])
            for row in range(10 * ROWS)
        ]
        self._first = 0

    def on_mount(self) -> None:
        """Begin to paint."""
        self.set_interval(1 / FRAMES_PER_SECOND, self._paint)

    def _paint(self) -> None:
        self._first += ROWS
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A prepared row."""
        return self._strips[(self._first + y) % len(self._strips)]


class BareScreen(App[None]):
    """Rows, and nothing else."""

    def compose(self) -> ComposeResult:
        yield Rows()


if __name__ == "__main__":
    BareScreen().run()
