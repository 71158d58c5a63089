"""What is said of an unchanged script: that its steps or losses are not seen, and whose a named loss is."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ...metrics.events import Warned
from ..reporter import Reporter

NO_STEP_SECONDS = 60.0
"""After the first loss: a training without a step of an optimizer by then is said to be one that is not seen."""
LOSSLESS_STEPS = 10
"""So many optimizer steps before the first loss are said."""


class Remarks:
    """Each is made once, by rank 0, whose script the others run too."""

    def __init__(self) -> None:
        self.named: set[int] = set()
        """Turns of which it was said whose they are."""
        self.steps_without_loss = 0
        self._made: set[str] = set()

    def once(self, reporter: Reporter | None, kind: str, **fields: str | int | float) -> None:
        """Say something, unless it was said; without a reporter it never will be."""
        if kind not in self._made and reporter is not None and reporter.rank == 0:
            reporter.send(Warned(0, kind, fields))
        self._made.add(kind)

    def has_many_steps_without_loss(self) -> bool:
        """A step came before any loss: whether there were as many by now as are said."""
        self.steps_without_loss += 1
        return self.steps_without_loss == LOSSLESS_STEPS

    def no_step_yet(self, reporter: Reporter | None, first_loss_at: float) -> None:
        """Say it if there have been losses for long, but no steps."""
        if monotonic() - first_loss_at > NO_STEP_SECONDS:
            self.once(reporter, "no_steps")

    def name(self, reporter: Reporter, number: int, optimizer: Any) -> None:
        """Say which optimizer has this turn, as the name of its loss does not tell."""
        self.named.add(number)
        if reporter.rank == 0:
            fields: dict[str, str | int | float] = {
                "name": f"loss_{number + 1}",
                "number": number + 1,
                "optimizer": type(optimizer).__name__,
                "tensors": sum(len(group["params"]) for group in optimizer.param_groups),
            }
            reporter.send(Warned(0, "loss_of", fields, level="info"))
