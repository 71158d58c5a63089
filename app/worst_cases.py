"""The validation pictures that a run of ``image_folder`` does worst, found after its end."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.cases import Case
from ..engine.pictures.folder import Folder
from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..metrics.analysis.run_files import RunFiles
from ..run.paths import is_folder
from ..run.registry import LIVE
from ..run.weights import checkpoints_in
from .own_threads import wait_without_spinning
from .shown_slice import ShownSlice

TASK = "image_folder"
GOES_ON = (*LIVE, "silent")
MOST = 5
"""That are shown."""
SECONDS = 20.0
"""For the judging, of all runs of one command together; reading the pictures is mostly done already."""


@dataclass(frozen=True)
class WorstCase:
    """A case that is shown."""

    case: Case
    at: ShownSlice
    """The slice that is shown."""
    found: Any
    """Classes of the same pixels, [H, W]."""


@dataclass(frozen=True)
class WorstCases:
    """How well a checkpoint does on the validation pictures."""

    folder: Folder
    checkpoint: Path
    epoch: int
    worst: Sequence[WorstCase]
    """The worst first; without those that have no Dice."""
    judged: Sequence[Case]
    """In the order of the folder."""
    seconds: float
    """That there were for it."""

    @property
    def total(self) -> int:
        """Of the validation pictures."""
        return len(self.folder.val)

    @property
    def without_larger(self) -> bool:
        """Whether what was left out is what is larger than all that was judged."""
        judged = {id(case.pair): case.pair.header.pixels for case in self.judged}
        left = [pair.header.pixels for pair in self.folder.val if id(pair) not in judged]
        return bool(left) and min(left) > max(judged.values())

    @property
    def class_names(self) -> list[str]:
        """Of all but the background."""
        return [one.name for one in self.folder.meaning.classes[1:]]

    @property
    def dice(self) -> list[float]:
        """Of the cases that have one."""
        return _known([case.dice for case in self.judged])

    @property
    def median(self) -> float:
        """Of them; nan if there are none."""
        return _median(self.dice)

    @property
    def class_medians(self) -> list[float]:
        """Of each class but the background."""
        each = zip(*(case.class_dice for case in self.judged), strict=True)
        return [_median(_known(dice)) for dice in each]


def worst_cases(files: RunFiles, seconds: float, catalogue: Catalogue) -> WorstCases | None:
    """Judge the validation pictures of a run for so long; None for a run that has nothing to judge.

    Raises `UsageError` where it could not be done, and says why.
    """
    if not may_be_judged(files) or files.checkpoints is None:
        return None
    if files.state in GOES_ON:
        raise UsageError("cases_run_goes_on")
    data = Path(str(files.config.get("data")))
    if not is_folder(data):
        raise UsageError("cases_pictures_gone", path=str(data))
    wait_without_spinning()
    try:
        import torch  # noqa: F401 - whatever may be wrong with it shows here
    except Exception as error:
        raise UsageError("cases_no_torch", reason=str(error) or type(error).__name__) from error
    from .judge_cases import judge_cases

    classes, window = (files.config.get(name) for name in ("classes", "window"))
    options = {"classes": classes and str(classes), "window": window and str(window)}
    return judge_cases(checkpoints_in(files.checkpoints), data, options, seconds, catalogue)


def may_be_judged(files: RunFiles) -> bool:
    """Whether it is a run of pictures that has learnt something here."""
    return (
        files.config.get("task") == TASK
        and files.checkpoints is not None
        and bool(checkpoints_in(files.checkpoints))
    )


def _known(dice: Sequence[float]) -> list[float]:
    return [one for one in dice if not math.isnan(one)]


def _median(dice: Sequence[float]) -> float:
    return statistics.median(dice) if dice else math.nan
