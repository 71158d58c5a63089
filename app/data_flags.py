"""The one dataclass that is the command line of ``everybatch data`` and its help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..log.language import Language, default_language

PROGRAM = "everybatch data"


@dataclass(frozen=True)
class DataConfig:
    """Tell what a folder of pictures and masks holds, as a training on it would."""

    folders: tuple[str, ...] = field(default=(), metadata={"positional": True})
    """The folder; none or more than one is a mistake."""

    classes: str | None = None
    """Which values of the masks are which classes, as with ``everybatch train``."""

    window: str | None = None
    """Level and width of the numbers that are told apart, as with ``everybatch train``."""

    out: Path | None = None
    """The PNG file, or a folder for it."""

    lang: Language = field(default_factory=default_language)
    """Language, also by EVERYBATCH_LANG (default zh)."""
