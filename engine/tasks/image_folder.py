"""A folder of pictures and masks: segment the foreground.

``--data DIR`` holds ``images/`` and ``masks/`` with files of the same name (the suffix may differ), 8 or 16 bit or
with fractions, grey or colour; a picture and its mask have the same size. What the masks mean is decided by the
rules of `mask_rules`, and told before the training.

Which pairs are kept for validation is decided by `split`. Training takes random crops of 128×128 with random flips,
as many of a picture in an epoch as would tile it, validation the tiles themselves. Smaller pictures are padded by
reflection.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils.data import Dataset

from ...errors import UsageError
from ..config import TrainConfig
from ..pictures.crops import Crops, Sample, Scale
from ..pictures.mask_rules import meaning_of, shown
from ..pictures.pairs import Pair
from ..pictures.scan import scan_masks, scan_pictures
from ..pictures.split import find_split
from ..task import DataTask, Said
from .segmentation import dice_bce_loss, dice_score
from .unet import UNet

MOSTLY = 0.5
"""A share of the foreground above which it may be the background that was marked."""


class ImageFolder(DataTask):
    """Segment the foreground of the pictures in ``--data`` with a small U-Net."""

    metric_names = ("dice",)

    def __init__(self, config: TrainConfig) -> None:
        if config.data is None:
            raise UsageError("data_needed")
        self._split = split = find_split(config.data)
        pairs = [*split.train, *split.val]
        self._seed = config.seed
        self._colour = any(pair.coloured for pair in pairs)
        self._scale = Scale(scan_pictures([pair.image for pair in pairs]).values())
        self._meaning = meaning_of(scan_masks([pair.mask for pair in pairs]))

    def notices(self) -> list[Said]:
        """How many pictures there are, and what their masks mean."""
        meaning, percent = self._meaning, 100 * self._meaning.share
        said: list[Said] = [
            ("pictures_found", {"train": len(self._split.train), "val": len(self._split.val)}),
            *self._split.said,
            (f"masks_{meaning.kind}", {"values": shown(meaning), "percent": percent}),
        ]
        if meaning.void:
            said.append(("masks_void", {}))
        if meaning.share > MOSTLY:
            said.append(("masks_mostly", {"percent": percent}))
        return said

    def model(self) -> nn.Module:
        """A U-Net for colour pictures if any is one, else for grey ones."""
        return UNet(channels=3 if self._colour else 1)

    def train_data(self) -> Dataset[Sample]:
        """Random crops."""
        return self._crops(self._split.train, self._seed)

    def val_data(self) -> Dataset[Sample]:
        """The tiles of the pictures that are kept for it."""
        return self._crops(self._split.val, None)

    def loss(self, model: nn.Module, batch: Sample) -> Tensor:
        """Dice and cross-entropy."""
        images, masks = batch
        return dice_bce_loss(model(images), masks)

    def metrics(self, model: nn.Module, batch: Sample) -> dict[str, tuple[Tensor, Tensor]]:
        """The Dice score of the samples that have foreground, in truth or as found."""
        images, masks = batch
        return {"dice": dice_score(model(images), masks)}

    def _crops(self, pairs: list[Pair], seed: int | None) -> Crops:
        return Crops(pairs, colour=self._colour, scale=self._scale, meaning=self._meaning, seed=seed)
