"""What the recorder must know of the attempt that it records."""

from __future__ import annotations

from dataclasses import dataclass

from ..metrics.records import RunStarted
from .recovery import Recovered
from .run_folder import RunFolder


@dataclass(frozen=True)
class AttemptInfo:
    """One attempt, before anything of it is recorded."""

    folder: RunFolder
    started: RunStarted
    log_batch_metrics: bool
    recovered: Recovered | None = None
    """The files that earlier attempts left; None for the first attempt."""
