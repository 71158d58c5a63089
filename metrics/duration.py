"""How a span of time is written."""

from __future__ import annotations

import math


def duration(seconds: float) -> str:
    """``1:02:03``; hours may exceed 24, and what is not known is ``--``."""
    if not math.isfinite(seconds):
        return "--"
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"
