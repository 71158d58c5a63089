"""The font of the pictures that are drawn: matplotlib's own has no Chinese characters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import matplotlib as mpl
from matplotlib import font_manager

from ..run.paths import is_file

FONTS = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    "Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Noto Sans CJK JP",
    "Noto Sans SC", "Droid Sans Fallback", "AR PL UMing CN", "Noto Serif CJK SC", "Noto Serif CJK JP",
)  # fmt: skip
"""Fonts that have Chinese characters, the best ones first."""


def use_font(lang: str) -> bool:
    """Choose a font that has the characters of `lang`; False if there is none."""
    if lang != "zh":
        return True
    found = _known_font()
    if found is None:  # matplotlib keeps its list of fonts, and does not see one that was installed since
        _look_for_new_fonts()
        found = _known_font()
    if found is not None:
        mpl.rcParams["font.family"] = [found, "DejaVu Sans"]
    return found is not None


@contextlib.contextmanager
def font_of_names() -> Iterator[None]:
    """Choose for a while a font for names that are somebody's own: they may be Chinese in any language."""
    with mpl.rc_context():
        use_font("zh")
        yield


def _known_font() -> str | None:
    names = {font.name for font in font_manager.fontManager.ttflist if is_file(font.fname)}
    return next((name for name in FONTS if name in names), None)


def _look_for_new_fonts() -> None:
    known = {font.fname for font in font_manager.fontManager.ttflist}
    for path in set(font_manager.findSystemFonts()) - known:
        with contextlib.suppress(OSError, RuntimeError):  # a file that is no font, or one that cannot be read
            font_manager.fontManager.addfont(path)
