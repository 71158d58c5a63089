"""The base of all widgets here: lines made at once, drawn without the border and padding machinery.

A frame of stock widgets spends most of its time making `Strip` objects and looking styles up; these keep both.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Piece = tuple[str, str]
"""A text and the name of its style."""

STYLES = (
    "text",
    "dim",
    "strong",
    "good",
    "warn",
    "bad",
    "accent",
    "frame",
    "title",
    "chip",
    "hold",
    "alarm",
    "match",
)


class LineWidget(Widget):
    """A widget of lines. Subclasses make a line from pieces in `pieces`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(STYLES)
    DEFAULT_CSS = """
    LineWidget { background: $background; color: $foreground; }
    LineWidget > .text { color: $foreground; }
    LineWidget > .dim { color: $foreground 55%; }
    LineWidget > .strong { color: $foreground; text-style: bold; }
    LineWidget > .good { color: $text-success; }
    LineWidget > .warn { color: $text-warning; }
    LineWidget > .bad { color: $text-error; text-style: bold; }
    LineWidget > .accent { color: $text-accent; }
    LineWidget > .frame { color: $foreground 30%; }
    LineWidget > .title { color: $text-primary; text-style: bold; }
    LineWidget > .chip { color: $background; background: $success; text-style: bold; }
    LineWidget > .hold { color: $background; background: $warning; text-style: bold; }
    LineWidget > .alarm { color: $background; background: $error; text-style: bold; }
    LineWidget > .match { background: $warning 40%; }
    """

    def pieces(self, y: int, width: int) -> Sequence[Piece]:
        """Line `y` of a widget that is `width` columns wide; what is missing is blank, what is too much is cut."""
        raise NotImplementedError

    def line_key(self, y: int) -> Hashable:
        """What makes line `y` the same as one that was drawn before, here or elsewhere; None if nothing does."""
        return None

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's own name
        self._looks: dict[str, Style] = {}
        self._drawn_strips: tuple[int, int, list[Strip]] | None = None
        """Width, height and all lines as they were drawn."""
        self._kept_strips: dict[tuple[Hashable, int], Strip] = {}
        """The lines drawn last that may be drawn again, by their key and width."""
        super().__init__(id=id)  # which may ask for styles

    def look(self, name: str) -> Style:
        """One of `STYLES` in the present theme."""
        if name not in self._looks:
            self._looks[name] = self.get_component_rich_style(name)
        return self._looks[name]

    def notify_style_update(self) -> None:
        """Forget the styles of the theme before."""
        self._looks.clear()
        self._drawn_strips = None
        self._kept_strips = {}
        super().notify_style_update()

    def redraw(self) -> None:
        """Draw all lines anew with the next frame, without laying out."""
        self._drawn_strips = None
        self.refresh(self.size.region)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of the lines in `crop`.

        A frame paints the rectangle around all that changed, also widgets that did not: their strips are kept,
        with what the compositor keeps in them.
        """
        width, height = self.size
        drawn = self._drawn_strips
        if drawn is None or drawn[:2] != (width, height):
            drawn = self._drawn_strips = width, height, self._draw(width, height)
        strips = drawn[2][crop.y : crop.bottom]
        if crop.x or crop.width != width:
            strips = [strip.crop(crop.x, crop.right) for strip in strips]
        return strips

    def _draw(self, width: int, height: int) -> list[Strip]:
        strips = []
        keep: dict[tuple[Hashable, int], Strip] = {}
        for y in range(height):
            key = self.line_key(y)
            strip = self._kept_strips.get((key, width)) if key is not None else None
            if strip is None:
                strip = self._strip(self.pieces(y, width), width)
            if key is not None:
                keep[key, width] = strip
            strips.append(strip)
        self._kept_strips = keep
        return strips

    def _strip(self, pieces: Iterable[Piece], width: int) -> Strip:
        segments = []
        left = width
        for text, name in pieces:
            cells = cell_len(text)
            if cells > left:
                text, cells = _cut(text, left), left
            segments.append(Segment(text, self.look(name)))
            left -= cells
            if not left:
                break
        if left:
            segments.append(Segment(" " * left, self.look("text")))
        return Strip(segments, width)


class Panel(LineWidget):
    """A framed widget: a title above, a note below, `body` lines between."""

    def title_pieces(self) -> Sequence[Piece]:
        """What stands in the upper frame."""
        return ()

    def note(self) -> str:
        """What stands in the lower frame, at the right."""
        return ""

    def body(self, y: int, width: int) -> Sequence[Piece]:
        """Line `y` inside the frame, `width` columns wide."""
        raise NotImplementedError

    def edge(self, y: int) -> Piece:
        """The right side of the frame at line `y` of the body."""
        return "│", "frame"

    def pieces(self, y: int, width: int) -> Sequence[Piece]:
        """The frame around the body."""
        height = self.size.height
        if y == 0:
            return self._upper(width)
        if y == height - 1:
            return self._lower(width)
        inner = width - 2
        body = _fitted(self.body(y - 1, inner), inner)
        return [("│", "frame"), *body, self.edge(y - 1)]

    @property
    def body_height(self) -> int:
        """Lines inside the frame."""
        return max(0, self.size.height - 2)

    def _upper(self, width: int) -> list[Piece]:
        title = _fitted(self.title_pieces(), width - 6, pad=False)
        used = sum(cell_len(text) for text, _ in title)
        if not used:
            return [("╭" + "─" * (width - 2) + "╮", "frame")]
        return [("╭─ ", "frame"), *title, (" " + "─" * (width - 5 - used) + "╮", "frame")]

    def _lower(self, width: int) -> list[Piece]:
        note = self.note()
        if not note or cell_len(note) > width - 6:
            return [("╰" + "─" * (width - 2) + "╯", "frame")]
        return [("╰" + "─" * (width - 5 - cell_len(note)) + " ", "frame"), (note, "dim"), (" ─╯", "frame")]


def _fitted(pieces: Iterable[Piece], width: int, *, pad: bool = True) -> list[Piece]:
    """Pieces cut, and padded, to exactly `width` columns."""
    fitted: list[Piece] = []
    left = width
    for text, name in pieces:
        if left <= 0:
            break
        cells = cell_len(text)
        if cells > left:
            text, cells = _cut(text, left), left
        fitted.append((text, name))
        left -= cells
    if pad and left > 0:
        fitted.append((" " * left, "text"))
    return fitted


def _cut(text: str, width: int) -> str:
    """The text in `width` columns; the last one shows that there is more, unless that is more of the same."""
    kept = set_cell_size(text, width)
    rest = text[len(kept) :]
    return kept if set(rest) <= {kept[-1:], " "} else set_cell_size(text, width - 1) + "…"


BLOCKS = " ▏▎▍▌▋▊▉█"


def bar(part: float, width: int) -> tuple[str, str]:
    """A bar of `width` columns as its filled and its empty side."""
    eighths = round(max(0.0, min(1.0, part)) * width * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (BLOCKS[rest] if rest else "")
    return filled, "░" * (width - len(filled))
