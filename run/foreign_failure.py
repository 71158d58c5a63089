"""What failed in a training whose processes are not ours: they tell it by themselves."""

from __future__ import annotations

from collections.abc import Iterable

from ..metrics.events import RankFailed
from ..metrics.records import Notice


def first_error(errors: Iterable[RankFailed]) -> RankFailed | None:
    """What was raised first, that of a rank which merely lost its peer last; None if nothing was."""
    return min(errors, key=lambda error: (bool(error.victim), error.at), default=None)


def raised(error: RankFailed) -> Notice:
    """Tells it in one line."""
    return Notice("failed_raised", "error", {"rank": error.rank, "error": error.error, "message": error.message})
