"""The command lines of ``everybatch runs``, ``attach`` and ``stop``, and their help."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..log.language import Language, default_language


@dataclass(frozen=True)
class RunsConfig:
    """List all runs."""

    json: bool = field(default=False, metadata={"help": "json_of_runs"})
    """Print one JSON array instead of a table."""

    lang: Language = field(default_factory=default_language)
    """Language, also by EVERYBATCH_LANG (default zh)."""


@dataclass(frozen=True)
class RunConfig:
    """Do something with one run."""

    runs: tuple[str, ...] = field(default=(), metadata={"positional": True})
    """Its id, the beginning of one, or a path; none = the newest run, and more than one is a mistake."""

    lang: Language = field(default_factory=default_language)
    """Language, also by EVERYBATCH_LANG (default zh)."""
