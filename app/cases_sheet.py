"""The worst validation pictures of a run on one page, as a PNG: picture, truth and what was found, side by side."""

from __future__ import annotations

from ..log.catalogue import Catalogue
from .cases_report import shown, slice_of
from .overlay import overlaid
from .picture_page import PageForm, PictureRow, draw_page, legend_of
from .plot_fonts import font_of_names
from .worst_cases import WorstCase, WorstCases

WIDTH = 10.0
"""Inches."""
HEADINGS = ("sheet_picture", "sheet_truth", "sheet_found")


def draw_cases(run_id: str, cases: WorstCases, catalogue: Catalogue) -> bytes:
    """The page as a PNG."""
    about = catalogue.text(
        "cases_about",
        name=cases.checkpoint.name,
        epoch=cases.epoch,
        median=shown(cases.median),
        count=len(cases.dice),
    )
    rows = [_row(one, catalogue) for one in cases.worst]
    form = PageForm(WIDTH, 1, pictures=len(HEADINGS))
    title = catalogue.text("report_title", run_id=run_id)
    with font_of_names():
        return draw_page(title, about, rows, legend_of(cases.folder.meaning, catalogue), form)


def _row(one: WorstCase, catalogue: Catalogue) -> PictureRow:
    case = one.case
    parts = [f"{catalogue.text('cases_dice')} {shown(case.dice)}"]
    if case.pair.header.shape[0] > 1:
        parts.append(f"{catalogue.text('cases_slice')} {slice_of(one)}")
    if one.at.contrast > 1:
        parts.append(catalogue.text("sheet_contrast", times=one.at.contrast))
    picture = one.at.picture
    return PictureRow(
        case.pair.files.name,
        "".join(f" · {part}" for part in parts),
        (picture, overlaid(picture, one.at.labels), overlaid(picture, one.found)),
        [catalogue.text(key) for key in HEADINGS],
    )
