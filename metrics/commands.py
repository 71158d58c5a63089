"""What a person can ask of a run: one name from the key to the ranks."""

from __future__ import annotations

from enum import StrEnum


class Command(StrEnum):
    """The ranks agree on one command at a time; of two that meet, the one that stands later here wins."""

    NONE = "none"
    RESUME = "resume"
    SAVE = "save"
    PAUSE = "pause"
    STOP_AFTER_EPOCH = "stop_after_epoch"
    STOP_NONFINITE = "stop_nonfinite"
    """A rank asks for it, by ``--on_nan stop``; no person does."""
    STOP = "stop"
    INTERVAL = "interval"
    """Another log interval; the run process does it alone."""
    STACKS = "stacks"
    """The stacks of all ranks into their logs; the run process asks each rank by a signal."""

    @property
    def code(self) -> int:
        """The command as a number, for the ranks: the larger one wins."""
        return _IN_ORDER.index(self)

    @classmethod
    def of_code(cls, code: int) -> Command:
        """The command whose `code` that is."""
        return _IN_ORDER[code]


_IN_ORDER = tuple(Command)
