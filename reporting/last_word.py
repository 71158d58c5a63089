"""The last word of a process that raised: what a person needs to know of the exception."""

from __future__ import annotations

import sys
import traceback
from time import monotonic

from ..metrics.events import RankFailed

MOST_CHARACTERS = 100_000
"""Of a message, and of a traceback."""


def last_word(rank: int, error: BaseException) -> RankFailed:
    """Why `rank` ends."""
    try:
        message = str(error)
    except Exception as other:  # noqa: BLE001 - the exception is of a class of somebody else
        message = f"{type(other).__name__} in its __str__"
    trace = "".join(traceback.format_exception(error))
    victim = ""
    if "torch" in sys.modules:  # else no group of torch can have raised it
        from .victims import victim_of

        victim = victim_of(error, message)
    return RankFailed(
        rank,
        type(error).__name__,
        message[:MOST_CHARACTERS],
        trace[-MOST_CHARACTERS:],
        monotonic(),
        victim=victim,
    )
