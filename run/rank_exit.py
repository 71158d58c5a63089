"""How the process of a rank ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RankExit:
    """The end of one rank's process."""

    rank: int
    pid: int
    exitcode: int
    """Negative: the signal that killed it."""
    at: float
    """`time.monotonic()`."""
    killed_by_us: bool
