"""How grave a notice or a finding is."""

from __future__ import annotations

from typing import Literal

Severity = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""From the lightest to the gravest."""


def gravity(severity: str) -> int:
    """The place of `severity` among them, for sorting and comparing: the graver, the larger."""
    return SEVERITIES.index(severity)
