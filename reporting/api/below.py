"""Below ``everybatch run``: the loop reports to the run of the command that it is a part of."""

from __future__ import annotations

import os

from ..rungs import RUNGS
from ..socket_channel import Address
from .run import Run


class _Command:
    """The run of the command. One run of this process at a time reports to it, each behind the one before."""

    taken = False
    steps = epochs = 0
    """Told so far."""


def claim() -> None:
    """The process tells of its training by itself: what the hooks of an unchanged script tell ends here."""
    steps, epochs = RUNGS.take_over()
    _Command.steps += steps
    _Command.epochs += epochs


def take(run: Run) -> Address | None:
    """Where `run` reports; None where there is no such command, or another run of this process reports to it.

    A shell, or a server of terminals, that was started below a command outlives it with all its variables.
    """
    address = Address.of_environment()
    if address is None or _Command.taken or not os.path.exists(address.path):  # noqa: PTH110
        return None
    counts = run.counts
    counts.steps_before, counts.epochs_before = _Command.steps, _Command.epochs
    _Command.taken = True

    def end() -> None:
        _Command.taken = False
        _Command.steps, _Command.epochs = counts.steps_before + run.step, counts.told

    run.on_end = end
    return address
