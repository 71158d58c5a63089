"""Some pairs of a folder on one page, as a PNG: each picture, and beside it the same with its mask."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.pictures.meaning import Meaning
from ..log.catalogue import Catalogue
from .picture_page import INK, PageForm, PictureRow, draw_page, legend_of
from .shown_pairs import ShownPair

MOST = 12
"""Pairs on a page."""
PIXELS = 800
"""Of a picture on its longer side."""
WIDTH = 14.0
"""Inches."""
VAL_INK = "#0072B2"


def draw_sheet(name: str, about: str, pairs: Sequence[ShownPair], meaning: Meaning, catalogue: Catalogue) -> bytes:
    """The page as a PNG; `name` is that of the folder, `about` a line below it."""
    columns = 1 if len(pairs) <= 2 else 2 if len(pairs) <= 6 else 3
    rows = [
        PictureRow(
            pair.name,
            _about(pair, catalogue),
            (pair.picture, pair.overlay),
            ink=VAL_INK if pair.side == "val" else INK,
        )
        for pair in pairs
    ]
    return draw_page(name, about, rows, legend_of(meaning, catalogue), PageForm(WIDTH, columns, pictures=2))


def _about(pair: ShownPair, catalogue: Catalogue) -> str:
    """What stands behind the name."""
    parts = [catalogue.text(f"data_{pair.side}")]
    if pair.slices > 1:
        parts.append(catalogue.text("sheet_slice", number=pair.slice, slices=pair.slices))
    if pair.share is not None:
        parts.append(catalogue.text("sheet_foreground", percent=100 * pair.share))
    if pair.contrast > 1:
        parts.append(catalogue.text("sheet_contrast", times=pair.contrast))
    return "".join(f" · {part}" for part in parts)
