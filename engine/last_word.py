"""The last word of a rank that raised: what a person needs to know of the exception."""

from __future__ import annotations

import time
import traceback

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..metrics.events import RankFailed
from .loop import ValidationFailedError

MOST_TRACEBACK = 100_000
"""Characters."""


def last_word(rank: int, error: BaseException, lang: str) -> RankFailed:
    """Why `rank` ends."""
    trace = "".join(traceback.format_exception(error))[-MOST_TRACEBACK:]
    epoch, hint = 0, ""
    if isinstance(error, ValidationFailedError) and error.__cause__ is not None:
        epoch, hint = error.epoch, "hint_validation" if error.saved else ""
        error = error.__cause__
    message = Catalogue(lang).text(error.key, **error.fields) if isinstance(error, UsageError) else str(error)
    message = message[:MOST_TRACEBACK]
    return RankFailed(rank, type(error).__name__, message, trace, time.monotonic(), epoch, hint)
