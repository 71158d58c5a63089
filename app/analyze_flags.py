"""The one dataclass that is the command line of ``everybatch analyze`` and its help."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

PROGRAM = "everybatch analyze"


def _default_lang() -> Literal["zh", "en"]:
    return "en" if os.environ.get("EVERYBATCH_LANG", "").lower().startswith("en") else "zh"


@dataclass(frozen=True)
class AnalyzeConfig:
    """Tell what a training did, and what to try next."""

    runs: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Ids, beginnings of ids, folders or CSV files; none = the newest run."""

    batch_metrics: bool = False
    """Also analyse the CSV file of the batches."""

    html: bool = False
    """Also write one self-contained page."""

    json: bool = False
    """Print one JSON object instead of a report."""

    lang: Literal["zh", "en"] = field(default_factory=_default_lang)
    """Language, also by EVERYBATCH_LANG (default zh)."""
