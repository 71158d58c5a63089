"""What an analysis has to say: a finding, and the robust statistics that findings are made with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..severity import Severity, gravity

Figures = dict[str, int | float | str]

SIGMA = 1.4826
"""Median absolute deviations in a standard deviation of normal noise (Iglewicz and Hoaglin, 1993)."""


@dataclass(frozen=True)
class Finding:
    """One thing worth saying. Its text is `finding_<kind><variant>` of the catalogue, filled with `figures`."""

    kind: str
    severity: Severity
    figures: Figures = field(default_factory=dict)
    variant: str = ""


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity; those of one severity keep their order."""
    return sorted(findings, key=lambda finding: -gravity(finding.severity))


def noise_of(values: Any) -> float:
    """Standard deviation of what is not smooth in `values`: from second differences, which a trend hardly touches.

    The variance of x[i-1] - 2 x[i] + x[i+1] is six times that of independent noise. 0 for fewer than five values.
    """
    finite = values[np.isfinite(values)]
    if len(finite) < 5:
        return 0.0
    second = np.diff(finite, 2)
    return float(SIGMA * np.median(np.abs(second)) / np.sqrt(6))


def smoothed(values: Any) -> Any:
    """Running median of three: one odd epoch does not bend the trend. The ends are left as they are."""
    if len(values) < 3:
        return values
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], middle, values[-1:]])


def plain(figures: dict[str, Any]) -> Figures:
    """Figures with the numbers of numpy as Python's own."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in figures.items()}
