"""Exceptions that say why a rank ends, where what was raised does not say enough."""

from __future__ import annotations


class EndedEarlyError(Exception):
    """User code called `sys.exit`: whatever its code, the rank has not finished."""


class PeerFailedError(Exception):
    """Another rank failed and has said so; this one ends with it."""


class ValidationFailedError(Exception):
    """The validation failed on this rank; `__cause__` is what the task or its data raised."""

    def __init__(self, epoch: int, *, saved: bool) -> None:
        """`saved` says that the training of `epoch` is on the disk."""
        super().__init__(epoch)
        self.epoch = epoch
        self.saved = saved
