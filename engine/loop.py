"""The training loop of one rank: epochs, validation, checkpoints, and the commands in between."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..metrics.events import CommandTaken, EpochEnded, Saved, SaveFailed, Validated
from .checkpoint import FORMAT, gather_rng_states, save_atomically
from .config import TrainConfig
from .control import Command, Control
from .data import TrainData, ValData, count_samples, to_device
from .reporter import Reporter
from .task import Task, metric_names
from .training import Training


class Loop:
    """Trains on one rank. All ranks run the same lines in the same order."""

    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        *,
        rank: int,
        group: dist.ProcessGroup | None,
        device: torch.device,
        control: Control,
        reporter: Reporter,
        checkpoints: Path,
    ) -> None:
        """`group` is a gloo group of all ranks, None for a single one."""
        self._task = task
        self._config = config
        self._rank = rank
        self._group = group
        self._device = device
        self._control = control
        self._reporter = reporter
        self._checkpoints = checkpoints
        self._metric_names = metric_names(task)
        world_size = 1 if group is None else dist.get_world_size(group)
        self._train_data = TrainData(task.train_data(), config, rank, world_size)
        val_data = task.val_data()
        self._val_data = ValData(val_data, config, rank, world_size) if val_data is not None else None
        self._training = Training(task, config, device, steps=config.epochs * len(self._train_data))
        self._stop_after_epoch = False

    def run(self) -> str:
        """Train to the end, or until a command stops it; `finished` or `stopped`."""
        for epoch in range(1, self._config.epochs + 1):
            completed = self._run_epoch(epoch)
            if not completed:
                return "stopped"
            if self._stop_after_epoch and epoch < self._config.epochs:
                return "stopped"
        return "finished"

    # ---- one epoch ----------------------------------------------------------------------------------------

    def _run_epoch(self, epoch: int) -> bool:
        """Train, validate, report and save; False when a command stopped it."""
        began = time.monotonic()
        val_batches = self._val_data.batches if self._val_data is not None else 0
        self._reporter.begin_epoch(epoch, len(self._train_data), val_batches)
        done, loss_sum, stopped = self._train(epoch)
        trained = time.monotonic()
        score = None  # what the best epoch is judged by; unknown when stopped
        if not stopped:
            score = self._mean(loss_sum)[0] if self._val_data is None else self._validate(epoch, self._val_data)
        completed = score is not None
        ended = time.monotonic()
        status = "completed" if completed else "stopped"
        self._reporter.send(EpochEnded(self._rank, epoch, status, trained - began, ended - began))
        best = score is not None and self._training.improved(score, epoch)
        self._save(epoch, done, finished=completed, best=best)
        return completed

    def _train(self, epoch: int) -> tuple[int, Tensor, bool]:
        """All batches of an epoch: how many were done, their loss times samples, and whether a command stopped it.

        The sums are [loss, samples], float64, on the device.
        """
        reporter, training = self._reporter, self._training
        training.ddp.train()  # type: ignore[no-untyped-call]
        loss_sum = torch.zeros(2, dtype=torch.float64, device=self._device)
        done = 0
        for batch in reporter.batches(self._train_data.epoch(epoch)):
            batch = to_device(batch, self._device)
            samples = count_samples(batch) or self._config.batch_size
            lr = training.lr
            loss = training.train_batch(batch, reporter.forward_done)
            reporter.batch(loss, lr, samples)
            done += 1
            if self._val_data is None:  # only then it decides which epoch is best
                loss_sum += torch.stack((loss.double(), torch.ones_like(loss, dtype=torch.float64))) * samples
            if self._obey_next(epoch, done):
                return done, loss_sum, True
        return done, loss_sum, False

    def _validate(self, epoch: int, val_data: ValData) -> float | None:
        """The validation loss over all ranks, weighted by samples; None when a command stopped it."""
        began = time.monotonic()
        sums = torch.zeros(1 + len(self._metric_names) + 1, dtype=torch.float64, device=self._device)
        self._training.ddp.eval()
        batches = iter(val_data)
        for _ in range(val_data.batches):
            batch = next(batches, None)
            if batch is not None:
                sums += self._evaluate(to_device(batch, self._device))
            if self._obey_next(epoch, len(self._train_data)):
                return None
        loss, *metrics = self._mean(sums)
        if self._rank == 0:
            self._reporter.send(Validated(0, epoch, loss, tuple(metrics), time.monotonic() - began))
        return loss

    @torch.no_grad()
    def _evaluate(self, batch: Any) -> Tensor:
        """Loss, metrics and 1, each times the samples of the batch: [2 + metrics], float64."""
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

    def _mean(self, sums: Tensor) -> list[float]:
        """Divide sums by the samples, their last element, over all ranks."""
        sums = sums.cpu()
        if self._group is not None:
            dist.all_reduce(sums, group=self._group)
        return (sums[:-1] / sums[-1]).tolist()

    # ---- commands and checkpoints -------------------------------------------------------------------------

    def _obey_next(self, epoch: int, done: int) -> bool:
        """Obey the command that the ranks agree on now, if there is one; True to stop."""
        nonfinite = self._config.on_nan == "stop" and self._reporter.nonfinite
        command = self._control.check(nonfinite=nonfinite)
        paused = False
        while command is not Command.NONE:
            self._report_command(command, epoch, done)
            match command:
                case Command.STOP | Command.STOP_NONFINITE:
                    return True
                case Command.STOP_AFTER_EPOCH:
                    self._stop_after_epoch = True
                case Command.SAVE:
                    self._save(epoch, done, finished=False, best=False)
                case Command.PAUSE | Command.RESUME:
                    paused = command is Command.PAUSE
            command = self._control.wait_while_paused() if paused else Command.NONE
        return False

    def _report_command(self, command: Command, epoch: int, done: int) -> None:
        if self._rank == 0:
            self._reporter.send(CommandTaken(0, command.name.lower(), epoch, done))

    def _save(self, epoch: int, done: int, *, finished: bool, best: bool) -> None:
        """Write last.pt, and best.pt if it is; every rank takes part, rank 0 writes.

        `done` is the number of batches of `epoch` that the weights have seen; `finished` says that validation
        is behind them too.
        """
        rng = gather_rng_states(self._group)
        if self._rank != 0:
            return
        state = {
            "format": FORMAT,
            "epoch": epoch,
            "batches_done": done,
            "epoch_finished": finished,
            "config": {
                name: str(value) if isinstance(value, Path) else value
                for name, value in dataclasses.asdict(self._config).items()
            },
            "world_size": len(rng),
            "rng": rng,
            **self._training.state(),
        }
        for kind in ("last", "best") if best else ("last",):
            path = self._checkpoints / f"{kind}.pt"
            began = time.monotonic()
            try:
                save_atomically(state, path)
            except OSError as error:
                self._reporter.send(SaveFailed(0, kind, str(error.strerror or error)))
            else:
                seconds = time.monotonic() - began
                self._reporter.send(Saved(0, kind, epoch, self._training.step, seconds))
