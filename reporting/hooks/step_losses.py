"""The losses that were given to backward since the step before: which of them count, and what they make."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..samples import UNCOUNTED
from .losses import Accumulation, Division, step_loss
from .passes import LoaderPass, Passes

MOST_LOSSES = 4096
"""Of one step. Where there are more, nobody makes steps."""


class StepLosses(list[Any]):
    """The list of these losses, and what is known of them.

    It is a list itself and has slots, as a batch must not pay for a way to them on the training thread.
    """

    __slots__ = ("accumulation", "cleared", "divisions", "forward_done", "micro_batches", "of_pass", "samples")

    def __init__(self) -> None:
        super().__init__()
        self.samples = self.micro_batches = 0
        """Those that they are of."""
        self.forward_done = 0.0
        """When the first of them was given."""
        self.of_pass: LoaderPass | None = None
        """That of the first of them."""
        self.divisions: list[Division] = []
        self.cleared: list[tuple[int, Collection[int]]] = []
        """Where gradients were cleared among them, and of which parameters."""
        self.accumulation = Accumulation()

    def use_batch(self, passes: Passes, *, first: bool) -> None:
        """A loss was that of a batch, maybe the one before: find out which, and of which pass."""
        one, samples = passes.used()
        if first:
            self.of_pass = one
        if samples >= 0:
            self.samples += samples or UNCOUNTED
            self.micro_batches += 1
        elif self.of_pass is None:
            self.micro_batches += 1

    def take_back(self, losses: int) -> None:
        """Backward raised, so only so many losses count; a script may go on with the next batch."""
        del self[losses:], self.divisions[losses:]
        self.micro_batches = min(self.micro_batches, losses)

    def gradients_cleared(self, parameters: Collection[int]) -> None:
        """The gradients of these parameters (their identities) were cleared while there were losses."""
        self.cleared.append((len(self), parameters))

    def limit(self) -> None:
        """Do not gather losses for ever where there are no steps."""
        if len(self) >= MOST_LOSSES:
            self.clear()
            self.divisions.clear()
            self.cleared.clear()

    def leave_out_cleared(self, optimizer: Any) -> None:
        """Leave out the losses whose gradients were cleared before this optimizer made its step."""
        own = {id(one) for group in optimizer.param_groups for one in group["params"]}
        cuts = [place for place, parameters in self.cleared if not own.isdisjoint(parameters)]
        self.cleared.clear()
        newest = max((place for place in cuts if place < len(self)), default=0)
        del self[:newest], self.divisions[:newest]

    @property
    def batches(self) -> int:
        """How many batches they are of; without a loader each is taken for that of a batch."""
        return max(1, min(len(self), self.micro_batches))

    def together(self) -> tuple[Any, bool]:
        """The loss of the step, and whether it is the mean of losses of which no division is known."""
        batches = self.batches
        if batches == 1 and not self.accumulation.several:
            self.divisions.clear()
            return step_loss(self, 1.0), False
        factor = self.accumulation.factor(batches, self.divisions)
        self.divisions.clear()
        return step_loss(self, factor), factor < 1.0
