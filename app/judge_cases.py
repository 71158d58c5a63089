"""Predicts the validation pictures of a run and compares them with their masks, for as long as there is time."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.cases import Case, judge
from ..engine.pictures.folder import Folder, read_folder
from ..engine.pictures.recipe import Recipe
from ..engine.prediction import Predictor, device_of, read_first
from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..run.reading_progress import ReadingProgress, now_and_then
from ..run.registry import all_runs
from .predict_progress import PredictProgress
from .shown_slice import each, shown_slice, step_of
from .worst_cases import MOST, WorstCase, WorstCases

PIXELS = 800
"""Of a picture that is shown, on its longer side."""
SURE_AFTER = 2.0
"""Seconds in a picture after which it is known how many it will take."""


class _OutOfTimeError(Exception):
    """A picture cannot be done in time."""


def judge_cases(
    checkpoints: Sequence[Path], data: Path, options: Mapping[str, str | None], seconds: float, catalogue: Catalogue
) -> WorstCases:
    """Judge what the first of the `checkpoints` that can be read finds; `options` are those of `read_folder`.

    Raises `UsageError` where nothing can be judged.
    """
    path, learnt = read_first(checkpoints, lambda error: None)
    folder = _read(data, options, catalogue)
    if not _fits(learnt.recipe, folder.recipe()):
        raise UsageError("cases_changed", path=str(data))
    # A training that goes on may need all that there is of the memory of a GPU.
    device = device_of("cpu" if any(run.live for run in all_runs()) else "auto")
    judging = _Judging(folder, Predictor(learnt, device), time.monotonic() + seconds)
    too_large = math.inf
    with PredictProgress(len(folder.val)) as progress:
        for place in spread(len(folder.val)):
            pair = folder.val[place]
            if pair.header.pixels < too_large:
                progress.begins(pair.files.name)
                try:
                    judging.one(place, progress)
                except _OutOfTimeError:
                    too_large = pair.header.pixels
            progress.done()
    if not judging.judged:
        raise UsageError("cases_no_time", total=len(folder.val), seconds=seconds)
    judged = [case for _, case in sorted(judging.judged.items())]
    return WorstCases(folder, path, learnt.epoch, judging.worst(), judged, seconds)


def spread(count: int) -> list[int]:
    """All numbers below `count`, in an order of which each beginning is spread evenly over all of them."""
    digits = max(1, (count - 1).bit_length())
    return sorted(range(count), key=lambda number: f"{number:0{digits}b}"[::-1])


class _Judging:
    """Judges one picture after another and keeps of the worst ones what is to be shown."""

    def __init__(self, folder: Folder, predictor: Predictor, deadline: float) -> None:
        self.judged: dict[int, Case] = {}
        """By the place in the folder."""
        self._worst: list[tuple[Case, Any]] = []
        """With the classes that were found, of the pixels that are shown."""
        self._folder = folder
        self._predictor = predictor
        self._deadline = deadline

    def worst(self) -> list[WorstCase]:
        """The worst first."""
        return [
            WorstCase(case, shown_slice(self._folder, case.pair, case.slice, step_of(case.pair, PIXELS)), found)
            for case, found in self._worst
        ]

    def one(self, place: int, progress: PredictProgress) -> None:
        """Judge the validation picture at a place; raises `_OutOfTimeError`."""
        began = time.monotonic()

        def tell(share: float) -> None:
            now = time.monotonic()
            takes = (now - began) / share if share and now - began > SURE_AFTER else 0.0
            if share < 1 and max(now, began + takes) > self._deadline:
                raise _OutOfTimeError
            progress.share(share)

        tell(0)
        pair = self._folder.val[place]
        parts = [self._folder.pictures.pixels(path) for path in pair.files.images]
        found = self._predictor.labels(parts, tell)
        case = self.judged[place] = judge(self._folder, pair, found)
        if not math.isnan(case.dice):
            self._keep(case, found)

    def _keep(self, case: Case, found: Any) -> None:
        self._worst.append((case, found[(case.slice, *each(step_of(case.pair, PIXELS)))].copy()))
        self._worst.sort(key=lambda one: (one[0].dice, one[0].pair.files.name))
        del self._worst[MOST:]


def _read(data: Path, options: Mapping[str, str | None], catalogue: Catalogue) -> Folder:
    reading = ReadingProgress(catalogue, sys.stderr)
    try:
        return read_folder(
            data,
            classes=options["classes"],
            window=options["window"],
            progress=now_and_then(reading.show),
        )
    finally:
        reading.clear()


def _fits(then: Recipe, now: Recipe) -> bool:
    """Whether the network, which learnt by `then`, takes the pictures of `now` and means their classes."""
    if (then.channels, then.binary, then.coloured) != (now.channels, now.binary, now.coloured):
        return False
    return now.binary or [one.value for one in then.classes] == [one.value for one in now.classes]
