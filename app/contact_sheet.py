"""Some pairs of a folder on one page, as a PNG: each picture, and beside it the same with its mask."""

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
from .shown_pairs import ShownPair

MOST = 12
"""Pairs on a page."""
PIXELS = 800
"""Of a picture on its longer side."""
DPI = 130
PAGE, MARGIN, GAP, SEAM = 14.0, 0.3, 0.35, 0.05
"""Inches: width of the page, its margin, and what is between two pairs and between picture and overlay."""
CAPTION, TITLE, LEGEND_ROW = 0.4, 0.66, 0.24
"""Inches of height."""
TALLEST = 1.5
"""Height of a picture in its widths; a taller one gets narrower."""
CHARACTERS_AN_INCH = 14.5
"""Of a caption."""
LEGEND_COLUMNS = 8
INK, FAINT, VAL_INK = "#111111", "#666666", "#0072B2"


@dataclass(frozen=True)
class _Place:
    """In inches, from the left and from the top."""

    left: float
    top: float
    width: float
    height: float


def draw_sheet(name: str, about: str, pairs: Sequence[ShownPair], meaning: Meaning, catalogue: Catalogue) -> bytes:
    """The page as a PNG; `name` is that of the folder, `about` a line below it."""
    columns = 1 if len(pairs) <= 2 else 2 if len(pairs) <= 6 else 3
    entries = _entries(meaning, catalogue)
    head = MARGIN + TITLE + LEGEND_ROW * math.ceil(len(entries) / LEGEND_COLUMNS)
    places, height = _places(pairs, columns, head)
    characters = int(_pair_width(columns) * CHARACTERS_AN_INCH)
    figure = Figure(figsize=(PAGE, height))

    def write(text: str, left: float, top: float, **options: Any) -> None:
        figure.text(left / PAGE, 1 - top / height, one_line(text), parse_math=False, **{"va": "top", **options})

    write(name, MARGIN, MARGIN, fontsize=14, color=INK, weight="bold")
    write(about, MARGIN, MARGIN + 0.3, fontsize=9, color=FAINT)
    _draw_legend(figure, entries, (MARGIN / PAGE, 1 - (MARGIN + TITLE - 0.1) / height))
    for pair, place in zip(pairs, places, strict=True):
        caption = _caption(pair, catalogue)
        room = characters - width(caption)
        ink = VAL_INK if pair.side == "val" else INK
        text = f"{_cut(one_line(pair.name), room)}{caption}"
        write(text, place.left, place.top - SEAM, va="bottom", fontsize=8, color=ink)
        for number, picture in enumerate((pair.picture, pair.overlay)):
            left = place.left + number * (place.width + SEAM)
            axes = figure.add_axes(
                (left / PAGE, 1 - (place.top + place.height) / height, place.width / PAGE, place.height / height)
            )
            axes.imshow(picture, aspect="auto")
            axes.set_axis_off()
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in letters that no font here has
        figure.savefig(data, format="png", dpi=DPI, facecolor="white")
    return data.getvalue()


def _pair_width(columns: int) -> float:
    return (PAGE - 2 * MARGIN - (columns - 1) * GAP) / columns


def _places(pairs: Sequence[ShownPair], columns: int, head: float) -> tuple[list[_Place], float]:
    """Where the first picture of each pair is, and the height of the page."""
    of_pair = _pair_width(columns)
    of_picture = (of_pair - SEAM) / 2
    places = []
    top = head
    for first in range(0, len(pairs), columns):
        row = pairs[first : first + columns]
        heights = [of_picture * min(TALLEST, pair.labels.shape[0] / pair.labels.shape[1]) for pair in row]
        top += CAPTION
        for column, (pair, height) in enumerate(zip(row, heights, strict=True)):
            full_height, full_width = pair.labels.shape
            left = MARGIN + column * (of_pair + GAP)
            places.append(_Place(left, top, height * full_width / full_height, height))
        top += max(heights)
    return places, top + MARGIN


def _caption(pair: ShownPair, catalogue: Catalogue) -> str:
    """What stands behind the name."""
    parts = [catalogue.text(f"data_{pair.side}")]
    if pair.slices > 1:
        parts.append(catalogue.text("sheet_slice", number=pair.slice, slices=pair.slices))
    if pair.share is not None:
        parts.append(catalogue.text("sheet_foreground", percent=100 * pair.share))
    if pair.contrast > 1:
        parts.append(catalogue.text("sheet_contrast", times=pair.contrast))
    return "".join(f" · {part}" for part in parts)


def _cut(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    while text and width(text) >= room:
        text = text[:-1]
    return f"{text}…"


def _entries(meaning: Meaning, catalogue: Catalogue) -> list[tuple[str, Patch]]:
    """Of the legend: the classes but the background, and the void."""
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


def _draw_legend(figure: Figure, entries: Sequence[tuple[str, Patch]], corner: tuple[float, float]) -> None:
    legend = figure.legend(
        [patch for _, patch in entries],
        ["-"] * len(entries),  # a name that begins with _ would be left out
        loc="upper left",
        bbox_to_anchor=corner,
        ncols=LEGEND_COLUMNS,
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
