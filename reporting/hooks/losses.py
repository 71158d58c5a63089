"""The loss of an optimizer step out of the losses that were given to backward."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MOST_DIVISIONS = 4
"""How many divisions one after another are looked at: a script's own and those of its frameworks."""


class LossSum:
    """The sum of several losses, which the sending thread reads later."""

    __slots__ = ("_factor", "_parts", "_read")

    def __init__(self, parts: Sequence[Any], factor: float) -> None:
        """A part is a number, or what has `read`; `factor` multiplies their sum."""
        self._parts = parts
        self._factor = factor
        self._read: list[float] = []

    def read(self, *, wait: bool) -> float | None:
        """The value, or None while the GPU has not computed all parts; with `wait`, sleep until it has."""
        for part in self._parts[len(self._read) :]:
            value = part if isinstance(part, float) else part.read(wait=wait)
            if value is None:
                return None
            self._read.append(value)
        return sum(self._read) * self._factor


def step_loss(parts: Sequence[Any], factor: float) -> Any:
    """The sum of the losses of a step, times `factor`: a float, or what has `read`."""
    if len(parts) == 1 and factor == 1.0:
        return parts[0]
    if all(type(part) is float for part in parts):
        return sum(parts) * factor
    return LossSum(parts, factor)


class Accumulation:
    """Whether a script divides its losses by the number of batches that it accumulates.

    Several losses of one batch (a discriminator's on real and on generated pictures) are added up, as their gradients
    are. Over several batches the loss is their mean, which the sum is already where the script divided each.
    """

    def __init__(self) -> None:
        self.divisor = 0.0
        """By which the losses are divided, as a step of so many batches showed; 0 if none did yet."""

    def factor(self, micro_batches: int, divisors: Sequence[float]) -> float:
        """By what to multiply the sum of the losses of so many batches, the newest of them divided by `divisors`."""
        if micro_batches > 1 and _among(micro_batches, divisors):
            self.divisor = float(micro_batches)
            return 1.0
        if self.divisor and _among(self.divisor, divisors):  # the last step of an epoch, which has fewer batches
            return self.divisor / micro_batches
        return 1 / micro_batches


def divisors_of(loss: Any) -> list[float]:
    """By what a script divided `loss` last, as the graph behind it tells: after one division, after two, and so on.

    `_saved_other` is torch's own name, documented for saved-tensor hooks only. Without it the list is empty.
    """
    divisors: list[float] = []
    node: Any = loss.grad_fn
    while node is not None and len(divisors) < MOST_DIVISIONS:
        divided = _divided_by(node)
        if divided is None:
            break
        divisors.append(divided * (divisors[-1] if divisors else 1.0))
        node = node.next_functions[0][0]
    return divisors


def _divided_by(node: Any) -> float | None:
    name = type(node).__name__
    if not name.startswith(("DivBackward", "MulBackward")):
        return None
    other: Any = getattr(node, "_saved_other", None)
    if hasattr(other, "item"):
        other = other.item() if other.numel() == 1 and other.is_cpu else None
    if not isinstance(other, (int, float)) or not other:
        return None
    return float(other) if name.startswith("Div") else 1 / other


def _among(number: float, divisors: Sequence[float]) -> bool:
    return any(math.isclose(number, divisor, rel_tol=1e-6) for divisor in divisors)
