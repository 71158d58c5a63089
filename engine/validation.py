"""The validation of one rank: every sample once over all ranks, and what to do when it fails on one of them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..metrics.events import Validated
from ..reporting.reporter import Reporter
from .config import TrainConfig
from .control import Control
from .data import ValData, count_samples, to_device
from .random_state import rng_state, set_rng_state
from .task import Task, metric_names
from .training import Training


@dataclass(frozen=True)
class Outcome:
    """What came of a validation, the same on all ranks but for `error`."""

    loss: float | None = None
    """Over all ranks, weighted by samples; None when it did not come to its end."""
    stopped: bool = False
    """A command stopped it."""
    failed_rank: int | None = None
    """The lowest rank on which it failed."""
    error: BaseException | None = None
    """What failed on this rank."""


class Validation:
    """Judges the model on the rank's share of the validation data."""

    def __init__(
        self,
        task: Task,
        data: ValData,
        config: TrainConfig,
        training: Training,
        *,
        rank: int,
        group: dist.ProcessGroup | None,
        device: torch.device,
        control: Control,
        reporter: Reporter,
    ) -> None:
        """`group` is a gloo group of all ranks, None for a single one."""
        self._task = task
        self._data = data
        self._config = config
        self._training = training
        self._rank = rank
        self._group = group
        self._device = device
        self._control = control
        self._reporter = reporter
        self._metric_names = metric_names(task)
        self.rng_before: dict[str, Any] | None = None
        """The random generators when it began; None while none goes on."""

    @property
    def batches(self) -> int:
        """Of the rank that has most."""
        return self._data.batches

    def run(self, epoch: int, handle_command: Callable[[bool], bool]) -> Outcome:
        """Validate after `epoch`.

        `handle_command` agrees with the other ranks on a command, and on whether one of them failed: it is told
        whether this rank did, and returns True to stop.
        """
        began = time.monotonic()
        self.rng_before = rng_state()
        self._training.ddp.eval()
        self._share_buffers()
        sums = torch.zeros(1 + len(self._metric_names) + 1, dtype=torch.float64, device=self._device)
        error: BaseException | None = None
        batches = None
        for _ in range(self._data.batches):
            try:
                if error is None:
                    batches = iter(self._data.epoch(epoch)) if batches is None else batches
                    batch = next(batches, None)
                    if batch is not None:
                        sums += self._evaluate(batch)
            except Exception as raised:  # noqa: BLE001 - whatever the task or its data raise
                traceback.clear_frames(raised.__traceback__)  # they would keep the loader's workers
                error, batches = raised, None
            if self._control.due() and handle_command(error is not None):
                return Outcome(stopped=True)
            if self._control.one_failed:
                break
        failed_rank = self._control.lowest_failed(failed=error is not None)
        if failed_rank is not None:
            set_rng_state(self.rng_before)  # as if there had been no validation, wherever it failed
            self.rng_before = None
            return Outcome(failed_rank=failed_rank, error=error)
        self.rng_before = None
        loss, *metrics = mean_over_ranks(sums, self._group)
        if self._rank == 0:
            self._reporter.send(Validated(0, epoch, loss, tuple(metrics), time.monotonic() - began))
        return Outcome(loss)

    def _share_buffers(self) -> None:
        """All ranks judge the model that is saved: rank 0's, with its running statistics."""
        if self._group is not None:
            for buffer in self._training.model.buffers():
                dist.broadcast(buffer, 0)

    @torch.no_grad()
    def _evaluate(self, batch: Any) -> Tensor:
        """Loss, metrics and 1, each times the samples of the batch: [2 + metrics], float64."""
        if self._device.type != "cpu":
            batch = to_device(batch, self._device)
        samples = count_samples(batch) or self._config.batch_size
        model = self._training.model  # not DDP: ranks may have different numbers of batches here
        with self._training.autocast():
            values = [self._task.loss(model, batch)]
            if self._metric_names:
                metrics: dict[str, Tensor] = self._task.metrics(model, batch)  # type: ignore[attr-defined]
                values += self._in_order(metrics)
        stacked = torch.stack([*(value.detach().double() for value in values), values[0].new_ones(()).double()])
        return stacked * samples

    def _in_order(self, metrics: dict[str, Tensor]) -> list[Tensor]:
        if set(metrics) != set(self._metric_names):
            raise ValueError(
                f"metrics() returned {sorted(metrics)}, but metric_names declares {sorted(self._metric_names)}"
            )
        return [metrics[name] for name in self._metric_names]


def mean_over_ranks(sums: Tensor, group: dist.ProcessGroup | None) -> list[float]:
    """Divide sums by the samples, their last element, over all ranks."""
    sums = sums.cpu()
    if group is not None:
        dist.all_reduce(sums, group=group)
    return (sums[:-1] / sums[-1]).tolist()
