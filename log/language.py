"""Which language a person reads."""

from __future__ import annotations

import os
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


def default_language() -> Language:
    """What EVERYBATCH_LANG says, else Chinese."""
    return "en" if os.environ.get("EVERYBATCH_LANG", "").lower().startswith("en") else "zh"
