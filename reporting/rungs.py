"""Who tells of the training in this process: what it tells by itself goes before what the hooks see."""

from __future__ import annotations

from typing import Protocol


class Hooks(Protocol):
    """What sees an unchanged script."""

    def hand_over(self) -> tuple[int, int]:
        """Tell nothing more; the steps and epochs that were told."""


class Rungs:
    """Whether this process tells of its training by itself."""

    def __init__(self) -> None:
        self._tells_by_itself = False
        self._hooks: Hooks | None = None

    def hook(self, hooks: Hooks) -> bool:
        """The hooks are about to be put in place; whether they are wanted."""
        if not self._tells_by_itself:
            self._hooks = hooks
        return not self._tells_by_itself

    def take_over(self) -> tuple[int, int]:
        """The training tells by itself from here on; the steps and epochs that the hooks have told."""
        self._tells_by_itself = True
        hooks, self._hooks = self._hooks, None
        return hooks.hand_over() if hooks is not None else (0, 0)


RUNGS = Rungs()
