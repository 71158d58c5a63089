"""Loss and metric of a binary segmentation: what both built-in tasks share."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the customary name

SMOOTH = 1.0
"""Pixels added to both sides of the Dice fraction, so that an empty mask has a gradient."""


def soft_dice(probabilities: Tensor, masks: Tensor) -> Tensor:
    """Dice coefficient per sample, [N], of [N, 1, H, W] (Milletari et al., V-Net, 2016, arXiv:1606.04797)."""
    overlap = (probabilities * masks).sum(dim=(1, 2, 3))
    total = probabilities.sum(dim=(1, 2, 3)) + masks.sum(dim=(1, 2, 3))
    return (2 * overlap + SMOOTH) / (total + SMOOTH)


def dice_bce_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """The mean of binary cross-entropy and 1 - Dice, a scalar; computed in float32."""
    logits = logits.float()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, masks)
    return (cross_entropy + 1 - soft_dice(logits.sigmoid(), masks).mean()) / 2


def dice_score(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Mean Dice coefficient of the thresholded prediction, and over how many samples it is; both are scalars.

    A sample without foreground in mask and prediction does not count: with most crops empty, a model that finds
    nothing would be nearly perfect.
    """
    found = (logits > 0).float()
    counts = ((found + masks).sum(dim=(1, 2, 3)) > 0).float()
    number = counts.sum()
    return (soft_dice(found, masks) * counts).sum() / number.clamp(min=1), number
