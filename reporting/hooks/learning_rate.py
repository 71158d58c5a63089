"""The learning rate of an optimizer, whatever it is kept as."""

from __future__ import annotations

import math
from typing import Any

from ..late_numbers import is_elsewhere
from ..reporter import Reporter


def learning_rate(optimizer: Any, reporter: Reporter) -> Any:
    """Of the first group of parameters; nan if it has none, and read later if it is on a GPU."""
    groups = optimizer.param_groups
    rate = groups[0].get("lr") if groups else None
    if isinstance(rate, float):
        return rate
    if rate is None:
        return math.nan
    if is_elsewhere(rate):
        return reporter.keep(rate) if rate.numel() == 1 else math.nan
    return float(rate.item() if hasattr(rate, "item") else rate)  # a tensor with a graph warns as a float
