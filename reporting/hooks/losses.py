"""The loss of an optimizer step out of the losses that were given to backward."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

from .saved import saved_tensor

MOST_NODES = 8
"""How many divisions one after another are looked at, and what is between them: a script's and its frameworks'."""

REDUCTION_SUM = 2
"""Of torch's loss functions, in their graph."""


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
    return LossSum(tuple(parts), factor)


class Division(NamedTuple):
    """By what a script divided a loss, as the graph behind it tells."""

    divisors: list[float]
    """After one division, after two, and so on, the last one first."""
    share: Any = None
    """True for a sum that is divided by more than it has elements: it is a share of a mean over several batches.
    A weak reference to the divisor if only the GPU knows its value; None for any other loss."""


UNDIVIDED = Division([])


class Accumulation:
    """Whether a script divides its losses by the number of batches that it accumulates.

    Several losses of one batch (a discriminator's on real and on generated pictures) are added up, as their
    gradients are. Over several batches the loss is their mean, which the sum is already where each was divided.
    """

    def __init__(self) -> None:
        self.divisor = 0.0
        """By which the losses are divided, as a step of so many batches showed; 0 if none did yet."""
        self.several = True
        """Whether the step before had several batches, as that before the first one may have."""

    def factor(self, micro_batches: int, divisions: Sequence[Division]) -> float:
        """By what to multiply the sum of the losses of a step of so many batches; `divisions` are theirs."""
        self.several = micro_batches > 1
        newest = divisions[-1] if divisions else UNDIVIDED
        if micro_batches > 1 and _among(micro_batches, newest.divisors):
            self.divisor = float(micro_batches)
            return 1.0
        if self.divisor and _among(self.divisor, newest.divisors):  # an epoch's last step, of fewer batches
            return self.divisor / micro_batches
        return 1.0 if _are_shares(divisions) else 1 / micro_batches


def _are_shares(divisions: Sequence[Division]) -> bool:
    shares = {one.share() if callable(one.share) else one.share for one in divisions}
    return len(divisions) > 1 and len(shares) == 1 and None not in shares


def division_of(loss: Any) -> Division:
    """What the graph of a loss tells of its division, as far as `saved_tensor` can read it."""
    divisors: list[float] = []
    share = None
    node: Any = loss.grad_fn
    for _ in range(MOST_NODES):
        name = type(node).__name__
        if name.startswith("AliasBackward"):  # what a subclass of tensors puts around each of its results
            node = node.next_functions[0][0]
            continue
        if not name.startswith(("DivBackward", "MulBackward")):
            break
        other = saved_tensor(node, "other")
        if getattr(other, "is_cpu", True) is False:
            share = weakref.ref(other) if name.startswith("Div") else None
        else:
            number = _number(other)
            if number is None:
                break
            divided = number if name.startswith("Div") else 1 / number
            divisors.append(divided * (divisors[-1] if divisors else 1.0))
        node = node.next_functions[0][0]
    elements = _summed(node)
    if elements is None:
        return Division(divisors)
    if divisors and divisors[-1] > elements * (1 + 1e-6):
        return Division(divisors, share=True)
    return Division(divisors, share)


def _number(other: Any) -> float | None:
    if hasattr(other, "item"):
        other = other.item() if other.numel() == 1 else None
    return float(other) if isinstance(other, (int, float)) and other else None


def _summed(node: Any) -> int | None:
    """How many elements a node adds up; None for one that does not add."""
    name = type(node).__name__
    if name.startswith("SumBackward"):
        return math.prod(getattr(node, "_saved_self_sym_sizes", ())) or None
    if name.startswith("NllLoss") and getattr(node, "_saved_reduction", None) == REDUCTION_SUM:
        target = saved_tensor(node, "target")
        return target.numel() if target is not None else None
    return None


def _among(number: float, divisors: Sequence[float]) -> bool:
    return any(math.isclose(number, divisor, rel_tol=1e-6) for divisor in divisors)
