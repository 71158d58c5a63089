"""Losses and metrics of segmentation: of a foreground, and of several classes."""

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


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of cross-entropy and 1 - Dice over classes, a scalar; computed in float32.

    `logits` are [N, K, H, W], `labels` [N, H, W] with the number of a class, 0 for the background, or -1 for a
    pixel that takes no part. Dice is that of each class but the background over the whole batch.
    """
    logits = logits.float()
    known = labels >= 0
    truth = _one_hot(labels, logits.shape[1])
    # `sum` by hand: the mean over no pixel at all would be nan.
    cross_entropy = F.cross_entropy(logits, labels, ignore_index=-1, reduction="sum") / known.sum().clamp(min=1)
    probabilities = logits.softmax(dim=1) * known[:, None]
    overlap, total = _overlap_and_total(probabilities, truth)
    dice = (2 * overlap + SMOOTH) / (total + SMOOTH)
    return (cross_entropy + 1 - dice[1:].mean()) / 2


def class_dice(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Dice coefficient of each class but the background over the whole batch, and its denominator, both [K - 1].

    The mean of it over batches, weighted by the denominator, is the coefficient over all of them. A class that is
    neither there nor found has the denominator 0.
    """
    truth = _one_hot(labels, logits.shape[1])
    found = _one_hot(logits.argmax(dim=1).where(labels >= 0, -1), logits.shape[1])
    overlap, total = _overlap_and_total(found, truth)
    return (2 * overlap / total.clamp(min=1))[1:], total[1:]


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    """[N, K, H, W], float32; all 0 where the label is -1."""
    numbers = F.one_hot(labels + 1, classes + 1)[..., 1:]
    return numbers.movedim(-1, 1).float()


def _overlap_and_total(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels that both have, and that each has, of each class, [K]."""
    overlap = (first * second).sum(dim=(0, 2, 3))
    return overlap, first.sum(dim=(0, 2, 3)) + second.sum(dim=(0, 2, 3))
