"""Numbers on a device that is neither the CPU nor CUDA, such as that of a Mac: the sending thread reads them."""

from __future__ import annotations

import math
from typing import Any


class LateNumber:
    """A copy of a tensor of one element, so that what is changed in place later does no harm."""

    __slots__ = ("_copy",)

    def __init__(self, tensor: Any) -> None:
        """Queue the copy on the device and return at once."""
        self._copy = tensor.detach().clone()

    def read(self, *, wait: bool) -> float:
        """The value, for which this thread waits; nan if the device does not give it."""
        try:
            return float(self._copy.item())
        except RuntimeError:
            return math.nan


def is_elsewhere(value: Any) -> bool:
    """Whether it is a tensor for whose value the CPU would have to wait."""
    try:
        return getattr(value, "is_cpu", True) is False
    except Exception:  # noqa: BLE001 - its class is somebody else's, and no tensor's
        return False
