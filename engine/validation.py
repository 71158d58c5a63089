"""The validation of one rank: every sample once over all ranks, and what to do when it fails on one of them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..metrics.events import Validated
from ..reporting.reporter import Reporter
from .batches import ValBatches
from .control import Control
from .data import to_device
from .evaluation import Evaluation, score_of
from .random_state import rng_state, set_rng_state
from .task_options import TaskOptions
from .training import Training

_NONE = object()
"""Where there is no batch."""


@dataclass(frozen=True)
class Outcome:
    """What came of a validation, the same on all ranks but for `error`."""

    score: float | None = None
    """What the epoch is judged by, over all ranks; None when the validation did not come to its end."""
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
        options: TaskOptions,
        data: ValBatches,
        training: Training,
        *,
        rank: int,
        group: dist.ProcessGroup | None,
        device: torch.device,
        control: Control,
        reporter: Reporter,
    ) -> None:
        """`group` is a gloo group of all ranks, None for a single one."""
        self._options = options
        self._data = data
        self._training = training
        self._rank = rank
        self._group = group
        self._device = device
        self._control = control
        self._reporter = reporter
        self.rng_before: dict[str, Any] | None = None
        """The random generators when it began; None while none goes on."""

    @property
    def batches(self) -> int:
        """Of the rank that has most; `UNKNOWN` for a stream that was not read yet."""
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
        evaluation = Evaluation(self._options, self._training, self._device, self._data.batch_size)
        error: BaseException | None = None
        batches: Iterator[Any] | None = None
        done, batch = 0, _NONE
        while True:
            try:
                if error is None:
                    batches = self._data.epoch(epoch) if batches is None else batches
                    batch = next(batches, _NONE)
            except Exception as raised:  # noqa: BLE001 - whatever the data raise
                error, batches, batch = _without_frames(raised), None, _NONE
            if not self._data.more(done, has_one=batch is not _NONE):
                break
            done += 1
            try:
                if batch is not _NONE:
                    evaluation.add(self._on_device(batch))
            except Exception as raised:  # noqa: BLE001 - whatever the task raises
                error, batches, batch = _without_frames(raised), None, _NONE
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
        means = mean_over_ranks(evaluation.sums, self._group)
        score, metrics = score_of(self._options, means)
        if self._rank == 0:
            self._reporter.send(Validated(0, epoch, means[0], metrics, time.monotonic() - began))
        return Outcome(score)

    def _on_device(self, batch: Any) -> Any:
        return batch if self._device.type == "cpu" else to_device(batch, self._device)

    def _share_buffers(self) -> None:
        """All ranks judge the model that is saved: rank 0's, with its running statistics."""
        if self._group is not None:
            for buffer in self._training.model.buffers():
                dist.broadcast(buffer, 0)


def _without_frames(error: BaseException) -> BaseException:
    """They would keep the loader's workers."""
    traceback.clear_frames(error.__traceback__)
    return error


def mean_over_ranks(sums: Tensor, group: dist.ProcessGroup | None) -> list[float]:
    """Divide sums by what stands below them, over all ranks: of [2] or [2, N] the first by the second."""
    sums = sums.cpu()
    if group is not None:
        dist.all_reduce(sums, group=group)
    return (sums[0] / sums[1]).reshape(-1).tolist()
