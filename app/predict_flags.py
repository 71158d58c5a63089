"""The one dataclass that is the command line of ``everybatch predict`` and its help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..log.language import Language, default_language

PROGRAM = "everybatch predict"


@dataclass(frozen=True)
class PredictConfig:
    """Find in pictures what a run has learnt."""

    named: tuple[str, ...] = field(default=(), metadata={"positional": True})
    """A run, or a checkpoint, if the newest run is not meant; and pictures, or folders of them."""

    out: Path = field(default=Path("predictions"), metadata={"help": "out_of_predict"})
    """Folder that gets the masks."""

    overlay: bool = False
    """Also write each picture with what was found in colours."""

    device: Literal["auto", "cpu", "cuda"] = field(default="auto", metadata={"help": "device_of_predict"})
    """Where to compute; auto = cuda if there is a GPU (default auto)."""

    lang: Language = field(default_factory=default_language)
    """Language, also by EVERYBATCH_LANG (default zh)."""
