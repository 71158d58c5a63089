"""From losses to heights of a curve and back: straight, logarithmic, or logarithmic on both sides of 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

SMALLEST_SHARE = 0.05
"""Of the losses other than 0 lie nearer to 0 than where a logarithmic axis through 0 begins to be straight."""


class Scale(Protocol):
    """How an axis is divided. What is not finite stays so."""

    def height(self, losses: Any) -> Any:
        """The heights of losses."""

    def loss(self, height: float) -> float:
        """The loss at a height."""


class Straight:
    """Equal steps are equal heights."""

    def height(self, losses: Any) -> Any:
        """The losses themselves."""
        return losses

    def loss(self, height: float) -> float:
        """The height itself."""
        return height


class Logarithmic:
    """Equal factors are equal heights, for losses above 0."""

    def height(self, losses: Any) -> Any:
        """The common logarithm."""
        with np.errstate(all="ignore"):
            return np.log10(losses)

    def loss(self, height: float) -> float:
        """The power of 10."""
        return float(10**height)


@dataclass(frozen=True)
class ThroughZero:
    """Logarithmic on both sides of 0, and straight nearer to it than `straight`: for losses of any sign."""

    straight: float

    def height(self, losses: Any) -> Any:
        """log10(1 + |loss| / straight), with the sign of the loss."""
        return np.sign(losses) * np.log10(1 + np.abs(losses) / self.straight)

    def loss(self, height: float) -> float:
        """The loss at a height."""
        return math.copysign(self.straight * (10 ** abs(height) - 1), height)


def scale_of(parts: Sequence[Any], *, logarithmic: bool) -> Scale:
    """The scale for all losses in `parts`."""
    if not logarithmic:
        return Straight()
    losses = np.concatenate([np.atleast_1d(np.asarray(part, float)) for part in parts]) if parts else np.empty(0)
    losses = losses[np.isfinite(losses)]
    if not len(losses) or (losses > 0).all():
        return Logarithmic()
    sizes = np.abs(losses[losses != 0])
    return ThroughZero(float(np.quantile(sizes, SMALLEST_SHARE))) if len(sizes) else Straight()
