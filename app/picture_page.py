"""Rows of pictures on one page, as a PNG: above each row its caption, above all a title and a legend of classes."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..engine.pictures.class_colours import Colour, colour_of
from ..engine.pictures.meaning import Meaning
from ..log.catalogue import Catalogue, one_line, width
from .overlay import VOID_COLOURS

DPI = 130
MARGIN, GAP, SEAM = 0.3, 0.35, 0.05
"""Inches: margin of the page, and what is between two rows beside one another and between two pictures of a row."""
CAPTION, HEADING, TITLE, LEGEND_ROW = 0.4, 0.18, 0.66, 0.24
"""Inches of height."""
TALLEST = 1.5
"""Height of a picture in its widths; a taller one gets narrower."""
CHARACTERS_AN_INCH = 14.5
"""Of a caption."""
LEGEND_ENTRY = 1.75
"""Inches of width."""
INK, FAINT = "#111111", "#666666"

Entry = tuple[str, Patch]
"""Of the legend."""


@dataclass(frozen=True)
class PictureRow:
    """Pictures of one size side by side, and what stands above them."""

    name: str
    """Begins the caption, and is cut where there is no room for it."""
    about: str
    """What follows it; never cut."""
    pictures: Sequence[Any]
    """uint8 [H, W, 3]; as many in each row of a page."""
    headings: Sequence[str] = ()
    """Of each picture; the rows of a page all have them or all have none."""
    ink: str = INK


@dataclass(frozen=True)
class PageForm:
    """How a page is divided."""

    width: float
    """Inches."""
    columns: int
    """Rows of pictures that are beside one another."""
    pictures: int
    """Of a row."""

    @property
    def row_width(self) -> float:
        """Inches."""
        return (self.width - 2 * MARGIN - (self.columns - 1) * GAP) / self.columns

    @property
    def picture_width(self) -> float:
        """Inches, of one that is not tall."""
        return (self.row_width - (self.pictures - 1) * SEAM) / self.pictures

    @property
    def legend_columns(self) -> int:
        """Entries beside one another."""
        return max(1, int(self.width / LEGEND_ENTRY))


@dataclass(frozen=True)
class _Place:
    """Of the first picture of a row, in inches from the left and from the top."""

    left: float
    top: float
    width: float
    height: float


def draw_page(title: str, about: str, rows: Sequence[PictureRow], legend: Sequence[Entry], form: PageForm) -> bytes:
    """The page as a PNG; `about` is a line below the title."""
    head = MARGIN + TITLE + LEGEND_ROW * math.ceil(len(legend) / form.legend_columns)
    places, height = _places(rows, form, head)
    figure = Figure(figsize=(form.width, height))

    def write(text: str, left: float, top: float, **options: Any) -> None:
        figure.text(
            left / form.width, 1 - top / height, one_line(text), parse_math=False, **{"va": "top", **options}
        )

    write(title, MARGIN, MARGIN, fontsize=14, color=INK, weight="bold")
    write(about, MARGIN, MARGIN + 0.3, fontsize=9, color=FAINT)
    corner = (MARGIN / form.width, 1 - (MARGIN + TITLE - 0.1) / height)
    _draw_legend(figure, legend, corner, form.legend_columns)
    for row, place in zip(rows, places, strict=True):
        room = int(form.row_width * CHARACTERS_AN_INCH) - width(row.about)
        above = place.top - SEAM
        write(
            f"{_cut(one_line(row.name), room)}{row.about}",
            place.left,
            above - HEADING * bool(row.headings),
            va="bottom",
            fontsize=8,
            color=row.ink,
        )
        for number, picture in enumerate(row.pictures):
            left = place.left + number * (place.width + SEAM)
            if row.headings:
                write(row.headings[number], left, above, va="bottom", fontsize=7, color=FAINT)
            bottom = 1 - (place.top + place.height) / height
            axes = figure.add_axes((left / form.width, bottom, place.width / form.width, place.height / height))
            axes.imshow(picture, aspect="auto")
            axes.set_axis_off()
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in letters that no font here has
        figure.savefig(data, format="png", dpi=DPI, facecolor="white")
    return data.getvalue()


def legend_of(meaning: Meaning, catalogue: Catalogue) -> list[Entry]:
    """The classes but the background, and the void."""
    entries = [
        (one_line(one.name), Patch(facecolor=_hex(colour_of(label))))
        for label, one in enumerate(meaning.classes)
        if label
    ]
    if meaning.void:
        dark, light = map(_hex, VOID_COLOURS)
        entries.append(
            (catalogue.text("data_void"), Patch(facecolor=light, edgecolor=dark, hatch="////", linewidth=0))
        )
    return entries


def _places(rows: Sequence[PictureRow], form: PageForm, head: float) -> tuple[list[_Place], float]:
    """Where the first picture of each row is, and the height of the page."""
    places = []
    top = head
    for first in range(0, len(rows), form.columns):
        beside = rows[first : first + form.columns]
        sizes = [row.pictures[0].shape[:2] for row in beside]
        heights = [form.picture_width * min(TALLEST, tall / wide) for tall, wide in sizes]
        top += CAPTION + HEADING * bool(beside[0].headings)
        for column, ((tall, wide), height) in enumerate(zip(sizes, heights, strict=True)):
            left = MARGIN + column * (form.row_width + GAP)
            places.append(_Place(left, top, height * wide / tall, height))
        top += max(heights)
    return places, top + MARGIN


def _cut(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    while text and width(text) >= room:
        text = text[:-1]
    return f"{text}…"


def _draw_legend(figure: Figure, entries: Sequence[Entry], corner: tuple[float, float], columns: int) -> None:
    legend = figure.legend(
        [patch for _, patch in entries],
        ["-"] * len(entries),  # a name that begins with _ would be left out
        loc="upper left",
        bbox_to_anchor=corner,
        ncols=columns,
        frameon=False,
        fontsize=9,
        handlelength=1.2,
        handleheight=1.0,
        borderpad=0,
        borderaxespad=0,
        columnspacing=1.6,
    )
    for text, (name, _) in zip(legend.get_texts(), entries, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
