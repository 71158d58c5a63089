"""A folder of pictures and masks: segment what the masks mark.

Which files are pairs is decided by `pairs`, what their masks mean by `mask_rules`, which are kept for validation by
`split`; all of it is told before the training. Training takes random crops of 128×128 with random flips, as many
of a slice in an epoch as would tile it, validation the tiles themselves. Smaller pictures are padded by reflection.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn
from torch.utils.data import Dataset

from ...errors import UsageError
from ..config import TrainConfig
from ..pictures.crops import Sample
from ..pictures.folder import read_folder
from ..task import DataTask, Progress, Said, unheard
from .segmentation import class_dice, class_loss, dice_bce_loss, dice_score
from .segmenter import Segmenter

DICE = "dice"


class ImageFolder(DataTask):
    """Segment the pictures in ``--data`` with a small U-Net."""

    metric_names: tuple[str, ...] = (DICE,)
    persistent_workers = True

    def __init__(self, config: TrainConfig, progress: Progress = unheard) -> None:
        if config.data is None:
            raise UsageError("data_needed")
        self._seed = config.seed
        self._folder = folder = read_folder(
            config.data, classes=config.classes, window=config.window, progress=progress
        )
        if not folder.meaning.binary:
            self.metric_names = tuple(f"{DICE}_{one.name}" for one in folder.meaning.classes[1:])
            self.score = self._mean_dice

    def notices(self) -> list[Said]:
        """How many pictures there are, and what their masks mean."""
        return self._folder.said()

    def model(self) -> nn.Module:
        """A U-Net with one output for the foreground, or one for each class; its state tells how to predict."""
        return Segmenter(self._folder.recipe())

    def train_data(self) -> Dataset[Sample]:
        """Random crops."""
        return self._folder.crops(self._folder.train, self._seed)

    def val_data(self) -> Dataset[Sample]:
        """The tiles of the pictures that are kept for it."""
        return self._folder.crops(self._folder.val, None)

    def loss(self, model: nn.Module, batch: Sample) -> Tensor:
        """Dice and cross-entropy."""
        images, masks = batch
        return (dice_bce_loss if self._folder.meaning.binary else class_loss)(model(images), masks)

    def metrics(self, model: nn.Module, batch: Sample) -> dict[str, tuple[Tensor, Tensor]]:
        """The Dice score, of the foreground or of each class."""
        images, masks = batch
        if self._folder.meaning.binary:
            return {DICE: dice_score(model(images), masks)}
        dice, pixels = class_dice(model(images), masks)
        return dict(zip(self.metric_names, zip(dice, pixels, strict=True), strict=True))

    def _mean_dice(self, values: Mapping[str, float]) -> float:
        """Over the classes that occur."""
        occur = [values[name] for name in self.metric_names if not math.isnan(values[name])]
        return sum(occur) / len(occur) if occur else math.nan
