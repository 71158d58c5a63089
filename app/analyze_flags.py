"""The one dataclass that is the command line of ``everybatch analyze`` and its help."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..log.language import Language, default_language

PROGRAM = "everybatch analyze"


@dataclass(frozen=True)
class AnalyzeConfig:
    """Tell what a training did, and what to try next."""

    runs: tuple[str, ...] = field(default=(), metadata={"positional": True})
    """Ids, beginnings of ids, folders or CSV files; none = the newest run."""

    batch_metrics: bool = False
    """Also analyse the CSV file of the batches."""

    html: bool = False
    """Also write one self-contained page."""

    json: bool = False
    """Print one JSON object instead of a report."""

    lang: Language = field(default_factory=default_language)
    """Language, also by EVERYBATCH_LANG (default zh)."""
