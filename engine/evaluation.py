"""Judges the model: the loss and the metrics of batches that it does not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..reporting.samples import SampleCounter
from .task_options import TaskOptions
from .task_values import check_loss, metric_values, score_value, split_loss
from .training import Training


class Evaluation:
    """The loss and the metrics of one rank's share of the validation data, summed up on the device."""

    def __init__(self, options: TaskOptions, training: Training, device: torch.device, batch_size: int) -> None:
        """`batch_size` counts for batches that do not tell how many samples they have."""
        self._options = options
        self._training = training
        self._device = device
        self._batch_size = batch_size
        self._counter = SampleCounter(batch_size, stacked=options.collate_fn is None)
        self._sums = torch.zeros(2, 1 + len(options.metric_names), dtype=torch.float64, device=device)

    @property
    def sums(self) -> Tensor:
        """Loss and metrics, [2, 1 + metrics], float64: means times over how many they are; below that, how many."""
        return self._sums

    @torch.no_grad()
    def add(self, batch: Any) -> None:
        """Judge one batch, which is on the device; raises `UsageError` for values that cannot be used."""
        options, model = self._options, self._training.model  # not DDP: ranks may have different numbers of batches
        with self._training.autocast():
            loss, _ = split_loss(options.loss(model, batch))
            metrics = options.metrics(model, batch) if options.metrics is not None else {}
        check_loss(loss, learning=False)
        samples = self._counter.count(batch) or self._batch_size
        mean = loss.detach().reshape(()).to(torch.float64)
        means = [(mean, torch.full_like(mean, samples))]
        means += metric_values(metrics, options.metric_names, samples, self._device)
        values, counts = (torch.stack(part) for part in zip(*means, strict=True))
        self._sums += torch.stack([values * counts, counts])


def score_of(options: TaskOptions, means: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """What an epoch is judged by, and the values of all `columns`, from the means of its loss and metrics."""
    loss, *metrics = means
    if callable(options.score):
        values: Mapping[str, float] = {"loss": loss, **dict(zip(options.metric_names, metrics, strict=True))}
        metrics.append(score_value(options.score(values)))
    columns = dict(zip(options.columns, metrics, strict=True))
    return columns.get(options.score_name, loss), tuple(metrics)
