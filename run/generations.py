"""Ranks that come again: a launcher starts a training anew, or a command has one training after another.

Where the new ranks begin is known to nobody but themselves, so what they tell goes on behind what was told before:
their epochs and their steps count further.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..metrics.events import AnyEvent, Hello, Planned, RankFailed, Standing, Warned


class Generations:
    """Which ranks are those of now, and where they began."""

    def __init__(self) -> None:
        self._newest = 1
        self._pids: dict[int, int] = {}
        """Of each rank, the process of now …"""
        self._of: dict[int, int] = {}
        """… and the generation that it is of."""
        self._epochs = self._steps = 0
        """Told before."""

    def comes_again(self, hello: Hello) -> bool:
        """Take the hello of a rank; whether a generation begins with it."""
        known = self._pids.get(hello.rank)
        self._pids[hello.rank] = hello.pid
        begins = known not in (None, hello.pid) and self._of[hello.rank] == self._newest
        self._newest += begins
        self._of[hello.rank] = self._of[hello.rank] if known == hello.pid else self._newest
        return begins

    def go_on_behind(self, epoch: int, step: int) -> None:
        """The generation that began goes on behind these."""
        self._epochs, self._steps = epoch, step

    def placed(self, event: AnyEvent) -> AnyEvent | None:
        """The event, with its epoch and step among all; None for one of a rank whose generation is over."""
        if self._newest == 1 or isinstance(event, Hello | Standing):
            return event
        if self._of.get(event.rank) != self._newest:
            return None
        if isinstance(event, RankFailed):  # its epoch is 0, as no validation of ours failed
            return event
        if isinstance(event, Warned):
            fields = dict(event.fields)
            if isinstance(number := fields.get("epoch"), int):
                fields["epoch"] = number + self._epochs
            return msgspec.structs.replace(event, fields=fields)
        changes: dict[str, Any] = {}
        for name, before in (("epoch", self._epochs), ("step", self._steps)):
            if hasattr(event, name):
                changes[name] = getattr(event, name) + before
        if isinstance(event, Planned):
            changes["epochs"] = event.epochs + self._epochs if event.epochs > 0 else event.epochs
            changes["steps"] = event.steps + self._steps if event.steps > 0 else event.steps
        return msgspec.structs.replace(event, **changes) if changes else event
