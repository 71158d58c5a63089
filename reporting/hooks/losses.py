"""The loss of an optimizer step out of the losses that were given to backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class LossSum:
    """The sum of several losses, which the sending thread reads later."""

    __slots__ = ("_factor", "_parts", "_read")

    def __init__(self, parts: Sequence[Any], factor: float) -> None:
        """A part is a number, a tensor of one element, or what has `read`; `factor` multiplies their sum."""
        self._parts = parts
        self._factor = factor
        self._read: list[float] = []

    def read(self, *, wait: bool) -> float | None:
        """The value, or None while the GPU has not computed all parts; with `wait`, sleep until it has."""
        for part in self._parts[len(self._read) :]:
            value = part.read(wait=wait) if hasattr(part, "read") else float(part)
            if value is None:
                return None
            self._read.append(value)
        return sum(self._read) * self._factor


def step_loss(parts: Sequence[Any], micro_batches: int, *, divided: bool) -> Any:
    """The undivided mean loss of a step whose `micro_batches` gave the losses `parts`, in order.

    Several losses of one micro-batch (a discriminator's on real and on generated pictures) are added up, as their
    gradients are. Over micro-batches it is the mean, which the sum is already where the script `divided` each loss.
    """
    if len(parts) == 1:
        return parts[0]
    return LossSum(parts, 1.0 if divided else 1 / micro_batches)


def divisor_of(loss: Any) -> float | None:
    """The number by which a script divided `loss` last, as the graph behind it tells; None if it did not.

    `_saved_other` is torch's own name, documented for saved-tensor hooks only. Without it the answer is None.
    """
    node: Any = loss.grad_fn
    name = type(node).__name__
    if not name.startswith(("DivBackward", "MulBackward")):
        return None
    other: Any = getattr(node, "_saved_other", None)
    if hasattr(other, "item"):
        other = other.item() if other.numel() == 1 and other.is_cpu else None
    if not isinstance(other, (int, float)) or not other:
        return None
    return float(other) if name.startswith("DivBackward") else 1 / other
