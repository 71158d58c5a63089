"""The scrolling log of a whole run: follow, scroll, search and filter over every line there ever was."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence

from textual import events
from textual.message import Message

from ..log.catalogue import Catalogue
from ..metrics.log_rows import LogRows, Row
from .lines import Panel, Piece
from .row_text import row_line, row_pieces

WIDE = 90
"""A log of at least this many columns has the time in front of each row."""
WHEEL = 3
LOOK_AT = 500
"""How many rows a filter or a search looks at before it looks at the clock."""

Keep = Callable[[Row, str], bool]
"""Whether a row is wanted; the text is its line."""


class BatchLog(Panel, can_focus=True):
    """Shows `LogRows`. Nothing is pushed into it: `sync` takes what is new, once a frame."""

    class Moved(Message):
        """The view went to another place."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002 - textual's own name
        super().__init__(id=id)
        self.follow = True
        self.match: int | None = None
        """Number of the row that is marked, because it was found or clicked."""
        self.filter_text = ""
        self.interval = 1
        self._catalogue = catalogue
        self._rows: LogRows | None = None
        self._top = 0
        self._drawn: tuple[int, int, int | None, bool] = (0, 0, None, False)
        self._keep: Keep | None = None
        self._hits = array("Q")
        self._scanned = 0
        self._sought: Keep | None = None
        self._seek_step = 1
        self._seek_at: int | None = None
        self._seek_left = self._seek_total = 0

    # ---- what it shows ------------------------------------------------------------------------------------

    def show(self, rows: LogRows) -> None:
        """Show these rows, from now on."""
        self._rows = rows
        self._seek_at = self._sought = self.match = None
        if self._keep is not None:
            self.set_filter(self.filter_text, self._keep)
        self._top = self._last_top

    @property
    def count(self) -> int:
        """Rows that can be scrolled through."""
        return len(self._hits) if self._keep else self._total

    @property
    def new(self) -> int:
        """Rows below the view."""
        return max(0, self.count - self._top - self.body_height)

    @property
    def busy(self) -> bool:
        """A filter or a search still goes through rows."""
        return self._seek_at is not None or (self._keep is not None and self._scanned < self._total)

    def sync(self, seconds: float) -> bool:
        """Take what is new, and go on with a filter or search for `seconds` at most; True if it must be drawn."""
        deadline = time.monotonic() + seconds
        self._scan(deadline)
        self._seek(deadline)
        if self.follow:
            self._top = self._last_top
        drawn, self._drawn = self._drawn, (self.count, self._top, self.match, self.busy)
        return drawn != self._drawn

    @property
    def _total(self) -> int:
        return self._rows.count if self._rows is not None else 0

    @property
    def _last_top(self) -> int:
        return max(0, self.count - self.body_height)

    def _row(self, number: int) -> Row:
        assert self._rows is not None
        return self._rows[number]

    def _number(self, place: int) -> int:
        return self._hits[place] if self._keep else place

    # ---- moving -------------------------------------------------------------------------------------------

    def move(self, lines: int) -> None:
        """Move the view. It follows the newest row again when it reaches the end, and stops when it leaves it."""
        self._go(self._top + lines)

    def page(self, pages: float) -> None:
        """Move by pages."""
        self.move(round(pages * max(1, self.body_height - 1)))

    def home(self) -> None:
        """Go to the first row."""
        self._go(0)

    def end(self) -> None:
        """Go to the last row and follow."""
        self._go(self.count)

    def toggle_follow(self) -> None:
        """Switch between following the newest row and holding still."""
        self.follow = not self.follow
        self._moved()

    def _go(self, top: int) -> None:
        self._top = max(0, min(top, self._last_top))
        self.follow = self._top >= self._last_top
        self._moved()

    def _moved(self) -> None:
        self.redraw()
        self.post_message(self.Moved())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self.move(-WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.move(WHEEL)

    def on_click(self, event: events.Click) -> None:
        """Mark the row that is clicked."""
        place = self._top + event.y - 1
        if 0 < event.y <= self.body_height and place < self.count:
            self.match = self._number(place)
            self._moved()

    def marked_line(self) -> str:
        """The line of the marked row, else of the last one in view; empty without rows."""
        number = self.match
        if number is None and self.count:
            number = self._number(min(self.count, self._top + self.body_height) - 1)
        return row_line(self._row(number), self._catalogue)[0] if number is not None else ""

    # ---- filter and search --------------------------------------------------------------------------------

    def set_filter(self, text: str, keep: Keep | None) -> None:
        """Show only the rows that `keep` wants, or all; `text` is what the title calls it."""
        self.filter_text = text
        self._keep = keep
        self._hits = array("Q")
        self._scanned = 0
        self.follow = True
        self.sync(0.0)
        self._moved()

    def search(self, want: Keep, step: int) -> None:
        """Go to the next (`step` 1) or previous (-1) row that `want` wants; `sync` goes on until it is found."""
        self._sought = want
        self._seek_step = step
        start = self.match if self.match is not None else (self._number(self._top) - 1 if self.count else -1)
        if self.match is None and step < 0 and self.count:
            start = self._number(min(self.count, self._top + self.body_height) - 1) + 1
        self._seek_at = start + step
        self._seek_left = self._seek_total = self._total
        self.sync(0.02)

    def stop_search(self) -> None:
        """Forget the search and the mark."""
        self._seek_at = self._sought = self.match = None
        self._moved()

    def _scan(self, deadline: float) -> None:
        if self._keep is None:
            return
        while self._scanned < self._total:
            end = min(self._total, self._scanned + LOOK_AT)
            for number in range(self._scanned, end):
                row = self._row(number)
                if self._keep(row, row_line(row, self._catalogue)[0]):
                    self._hits.append(number)
            self._scanned = end
            if time.monotonic() >= deadline:
                return

    def _seek(self, deadline: float) -> None:
        """Look at one row after another, and go on at the other end, until all have been looked at."""
        while self._seek_at is not None and self._sought is not None:
            self._seek_left += self._total - self._seek_total  # those that came meanwhile
            self._seek_total = self._total
            if self._seek_left <= 0 or not self._total:
                self._seek_at = None
                self.app.bell()
                return
            for _ in range(min(LOOK_AT, self._seek_left)):
                number = self._seek_at % self._total
                row = self._row(number)
                line = row_line(row, self._catalogue)[0]
                if (self._keep is None or self._keep(row, line)) and self._sought(row, line):
                    self._found(number)
                    return
                self._seek_at = number + self._seek_step
                self._seek_left -= 1
            if time.monotonic() >= deadline:
                return

    def _found(self, number: int) -> None:
        self._seek_at = None
        self.match = number
        place = number
        if self._keep is not None:
            place = bisect_left(self._hits, number)
        if not self._top <= place < self._top + self.body_height:
            self._go(place - self.body_height // 2)
        self.follow = False
        self._moved()

    # ---- drawing ------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Keep the end in view when following, else the place where the view was."""
        self._top = self._last_top if self.follow else min(self._top, self._last_top)
        self.redraw()

    def title_pieces(self) -> Sequence[Piece]:
        """Name, interval and filter."""
        title: list[Piece] = [(self._catalogue.text("ui_log", interval=self.interval), "title")]
        if self.filter_text:
            title.append((" · " + self._catalogue.text("ui_filter", text=self.filter_text), "warn"))
        if self.busy:
            title.append((" · " + self._catalogue.text("ui_searching"), "accent"))
        return title

    def note(self) -> str:
        """Where the view is."""
        if self.follow:
            return self._catalogue.text("ui_follow", count=f"{self.count:,}")
        return self._catalogue.text(
            "ui_held", place=f"{min(self.count, self._top + self.body_height):,}", new=f"{self.new:,}"
        )

    def edge(self, y: int) -> Piece:
        """The frame is the scrollbar."""
        height = self.body_height
        if self.count <= height:
            return "│", "frame"
        size = max(1, height * height // self.count)
        start = (height - size) * self._top // max(1, self.count - height)
        return ("┃", "dim") if start <= y < start + size else ("│", "frame")

    def line_key(self, y: int) -> Hashable:
        """The number of the row, its mark and the piece of scrollbar beside it tell what the line looks like."""
        place = self._top + y - 1
        if not 0 < y <= self.body_height or place >= self.count:
            return None
        number = self._number(place)
        return number, number == self.match, self.edge(y - 1)

    def body(self, y: int, width: int) -> Sequence[Piece]:
        """One row."""
        place = self._top + y
        if place >= self.count:
            return ()
        number = self._number(place)
        pieces = row_pieces(self._row(number), self._catalogue, with_time=width >= WIDE)
        if number == self.match:
            return [("".join(text for text, _ in pieces), "match")]
        return pieces
