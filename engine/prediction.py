"""Finds in new pictures what a run of ``image_folder`` has learnt, with nothing but its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ..errors import UsageError
from .checkpoint import CheckpointError, read_checkpoint
from .pictures.formats import reader_of
from .pictures.picture_files import PictureFiles
from .pictures.recipe import Recipe, recipe_from
from .tasks.segmenter import RECIPE, Segmenter
from .tiles import BATCH, Progress, Tiling, labels_of

TASK = "image_folder"
"""Whose checkpoints can be used."""
ROWS = 256
"""Counted at a time."""


@dataclass(frozen=True)
class Learnt:
    """What a checkpoint holds for those who only use it."""

    epoch: int
    recipe: Recipe
    weights: dict[str, Any]


def read_learnt(path: Path) -> Learnt:
    """What is in a checkpoint; raises `UsageError` for one that is damaged, of another task or too old."""
    try:
        state = read_checkpoint(path).state
        task = state["config"].get("task")
        if task != TASK:
            raise UsageError("predict_other_task", name=str(path), task=str(task))
        if RECIPE not in state["model"]:
            raise UsageError("predict_too_old", path=str(path))
        recipe = recipe_from(state["model"][RECIPE])
    except (CheckpointError, ValueError, OSError) as error:
        raise UsageError("predict_damaged", path=str(path), reason=str(error)) from error
    return Learnt(state["epoch"], recipe, state["model"])


def read_first(paths: Sequence[Path], tell: Callable[[UsageError], None]) -> tuple[Path, Learnt]:
    """The first checkpoint that can be read, and what it holds; `tell` is told of those that are damaged.

    Raises `UsageError` if none can.
    """
    *others, last = paths
    for path in others:
        try:
            return path, read_learnt(path)
        except UsageError as error:
            if error.key != "predict_damaged":
                raise
            tell(error)
    return last, read_learnt(last)


def device_of(asked: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """Where to compute; raises `UsageError` where there is no GPU though one is asked for."""
    gpu = torch.cuda.is_available()
    if asked == "cuda" and not gpu:
        raise UsageError("no_cuda")
    return torch.device("cuda" if gpu and asked != "cpu" else "cpu")


def read_parts(picture: PictureFiles, recipe: Recipe) -> list[Any]:
    """The numbers of each file of a picture, [S, H, W] or [S, H, W, C].

    Raises `UsageError` where they do not fit together or not the network, and whatever a reader raises.
    """
    parts = [reader_of(path).pixels(path) for path in picture.files]
    channels = [part.shape[3] if part.ndim == 4 else 1 for part in parts]
    if not recipe.takes(channels):
        found = " + ".join(str(number) for number in channels)
        raise UsageError("predict_channels", found=found, needed=recipe.channels)
    if len({part.shape[:3] for part in parts}) > 1:
        raise UsageError("predict_sizes")
    if not all(np.isfinite(page).all() for part in parts if part.dtype.kind == "f" for page in part):
        raise UsageError("predict_not_finite")
    return parts


class Predictor:
    """The network of a checkpoint, ready to be asked."""

    def __init__(self, learnt: Learnt, device: torch.device, batch: int = BATCH) -> None:
        """`batch` is how many tiles it is asked at a time; what it answers does not depend on it."""
        self.recipe = learnt.recipe
        self._device = device
        self._batch = batch
        self._network = Segmenter(learnt.recipe)
        self._network.load_state_dict(learnt.weights)
        self._network.to(device).eval()

    def labels(self, parts: Sequence[Any], progress: Progress = lambda share: None) -> Any:
        """The number of the class of each pixel of a picture as `read_parts` gives it, [S, H, W]."""

        def window(member: int, rows: Any) -> Any:
            return self.recipe.scaled([part[member][rows] for part in parts])

        tiling = Tiling(parts[0].shape[:3], self.recipe.outputs, self._batch)
        return labels_of(window, tiling, self._network, self._device, progress)


def shares(labels: Any, classes: int) -> Any:
    """Of each class in all pixels, float64."""
    counts = np.zeros(classes, np.int64)
    for page in labels:
        for first in range(0, len(page), ROWS):  # `bincount` makes 8 bytes of each pixel
            counts += np.bincount(page[first : first + ROWS].ravel(), minlength=classes)
    return counts / labels.size
