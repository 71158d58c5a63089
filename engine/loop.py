"""The training loop of one rank: epochs, validation, checkpoints, and the commands in between."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import _set_pg_timeout

from ..errors import UsageError
from ..metrics.commands import Command
from ..metrics.events import CommandTaken, EpochEnded, Saved, SaveFailed, Validated
from ..metrics.records import Start
from ..reporting.reporter import Reporter
from .checkpoint import (
    FORMAT,
    Checkpoint,
    CheckpointError,
    gather_rank_states,
    read_checkpoint,
    rng_state,
    save_atomically,
    set_rng_state,
)
from .config import TrainConfig, config_values
from .control import Control
from .data import TrainData, ValData, count_samples, to_device
from .epoch_loss import EpochLoss
from .save_every import SaveEvery
from .task import Task, metric_names
from .training import Training

SAVE_SECONDS = 1800
"""How long ranks wait for the one that writes a checkpoint: as long as torch waits by itself."""


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
        """`group` is a gloo group of all ranks, None for a single one.

        Raises `UsageError` on every rank when one has another number of batches than the rest: it would leave
        the others waiting at the end of the epoch.
        """
        self._task = task
        self._config = config
        self._rank = rank
        self._group = group
        self._device = device
        self._moves_batches = device.type != "cpu"  # where datasets make them
        self._control = control
        self._reporter = reporter
        self._checkpoints = checkpoints
        self._metric_names = metric_names(task)
        self._world_size = world_size = 1 if group is None else dist.get_world_size(group)
        self._train_data = TrainData(task.train_data(), config, rank, world_size)
        val_data = task.val_data()
        self._val_data = ValData(val_data, config, rank, world_size) if val_data is not None else None
        self._training = Training(task, config, device, steps=config.epochs * len(self._train_data))
        self._save_every = SaveEvery.parse(config.save_every)
        self._start = Start()
        self._epoch_loss = EpochLoss(device)
        """Without validation it tells the best epoch."""
        self._rng_before_validation: dict[str, Any] | None = None
        self._checkpoint_checked = False
        self._stop_after_epoch = False
        self._agree_on_batches()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where `checkpoint` was written; raises `UsageError` if it is that of another model."""
        state, ranks = checkpoint.state, checkpoint.state["ranks"]
        self._training.load(state, float(state["config"]["lr"]))
        self._start = checkpoint.start
        if len(ranks) == self._world_size:  # else it is the start of an epoch, and each rank has its new seed
            own = ranks[self._rank]
            self._epoch_loss.reset(own["loss_sum"])
            set_rng_state(own["rng"])

    def run(self) -> str:
        """Train to the end, or until a command stops it; `finished` or `stopped`."""
        for epoch in range(self._start.epoch, self._config.epochs + 1):
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
        first_batch = self._start.batch if epoch == self._start.epoch else 0
        if first_batch == 0:
            self._epoch_loss.reset()
        val_batches = self._val_data.batches if self._val_data is not None else 0
        self._reporter.begin_epoch(epoch, len(self._train_data), val_batches, first_batch)
        done, stopped = self._train(epoch, first_batch)
        trained = time.monotonic()
        score = None  # what the best epoch is judged by; unknown when stopped
        if not stopped:
            score = self._mean(self._epoch_loss.sums())[0] if self._val_data is None else self._validate(epoch)
        completed = score is not None
        ended = time.monotonic()
        status = "completed" if completed else "stopped"
        self._reporter.send(EpochEnded(self._rank, epoch, status, trained - began, ended - began))
        kinds = []
        last_epoch = epoch == self._config.epochs or self._stop_after_epoch
        if not completed or last_epoch or self._save_every.after_epoch(epoch):
            kinds.append("last")
        if score is not None and self._training.improved(score, epoch):
            kinds.append("best")
        if kinds:
            self._save(kinds, epoch, done, finished=completed)
        self._rng_before_validation = None
        return completed

    def _train(self, epoch: int, first_batch: int) -> tuple[int, bool]:
        """The batches of an epoch from `first_batch` on: how many are done, and whether a command stopped it."""
        reporter, training = self._reporter, self._training
        training.ddp.train()  # type: ignore[no-untyped-call]
        done = first_batch
        if done == len(self._train_data):  # stopped in validation
            return done, False
        for batch in reporter.batches(self._train_data.epoch(epoch, first_batch)):
            if self._moves_batches:
                batch = to_device(batch, self._device)
            samples = count_samples(batch) or self._config.batch_size
            lr = training.lr
            loss = training.train_batch(batch, reporter.forward_done)
            reporter.batch(loss, lr, samples)
            done += 1
            if training.step == self._start.step + 1:
                self._first_batch_done()
            if self._val_data is None:  # only then it decides which epoch is best
                self._epoch_loss.add(loss, samples)
            if self._control.due() and self._handle_command(epoch, done):
                return done, True
            if self._save_every.after_batch(training.step):
                self._save(["last"], epoch, done, finished=False)
        return done, False

    def _validate(self, epoch: int) -> float | None:
        """The validation loss over all ranks, weighted by samples; None when a command stopped it."""
        val_data = self._val_data
        assert val_data is not None
        began = time.monotonic()
        self._rng_before_validation = rng_state()
        sums = torch.zeros(1 + len(self._metric_names) + 1, dtype=torch.float64, device=self._device)
        self._training.ddp.eval()
        self._share_buffers()
        batches = iter(val_data.epoch(epoch))
        for _ in range(val_data.batches):
            batch = next(batches, None)
            if batch is not None:
                sums += self._evaluate(batch)
            if self._control.due() and self._handle_command(epoch, len(self._train_data)):
                return None
        self._rng_before_validation = None
        loss, *metrics = self._mean(sums)
        if self._rank == 0:
            self._reporter.send(Validated(0, epoch, loss, tuple(metrics), time.monotonic() - began))
        return loss

    def _share_buffers(self) -> None:
        """All ranks judge the model that is saved: rank 0's, with its running statistics."""
        if self._group is not None:
            for buffer in self._training.model.buffers():
                dist.broadcast(buffer, 0)

    @torch.no_grad()
    def _evaluate(self, batch: Any) -> Tensor:
        """Loss, metrics and 1, each times the samples of the batch: [2 + metrics], float64."""
        if self._moves_batches:
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

    def _mean(self, sums: Tensor) -> list[float]:
        """Divide sums by the samples, their last element, over all ranks."""
        sums = sums.cpu()
        if self._group is not None:
            dist.all_reduce(sums, group=self._group)
        return (sums[:-1] / sums[-1]).tolist()

    # ---- agreement ----------------------------------------------------------------------------------------

    def _agree_on_batches(self) -> None:
        if self._group is None:
            return
        own = torch.tensor([len(self._train_data), self._val_data.batches if self._val_data is not None else 0])
        counts = [torch.zeros_like(own) for _ in range(self._world_size)]
        dist.all_gather(counts, own, group=self._group)
        for name, of_ranks in zip(("train_data", "val_data"), torch.stack(counts, dim=1).tolist(), strict=True):
            if len(set(of_ranks)) > 1:
                told = ", ".join(f"rank {rank}: {count}" for rank, count in enumerate(of_ranks))
                raise UsageError("uneven", method=name, batches=told)

    def _first_batch_done(self) -> None:
        """From here on no step is slow for a good reason."""
        seconds = timedelta(seconds=self._config.timeout)
        groups = [group for group in (dist.group.WORLD, self._group) if group is not None]
        for group in groups:
            _set_pg_timeout(seconds, group)

    # ---- commands and checkpoints -------------------------------------------------------------------------

    def _handle_command(self, epoch: int, done: int) -> bool:
        """Obey the command that the ranks agree on now, if there is one; True to stop."""
        nonfinite = self._config.on_nan == "stop" and self._reporter.nonfinite
        command = self._control.agree(nonfinite=nonfinite)
        paused = False
        while command is not Command.NONE:
            self._report_command(command, epoch, done)
            match command:
                case Command.STOP | Command.STOP_NONFINITE:
                    return True
                case Command.STOP_AFTER_EPOCH:
                    self._stop_after_epoch = True
                case Command.SAVE:
                    self._save(["last"], epoch, done, finished=False)
                case Command.PAUSE | Command.RESUME:
                    paused = command is Command.PAUSE
            command = self._control.wait_while_paused() if paused else Command.NONE
        return False

    def _report_command(self, command: Command, epoch: int, done: int) -> None:
        if self._rank == 0:
            self._reporter.send(CommandTaken(0, command, epoch, done))

    def _save(self, kinds: Sequence[str], epoch: int, done: int, *, finished: bool) -> None:
        """Write last.pt or best.pt or both; every rank takes part, rank 0 writes.

        `done` is the number of batches of `epoch` that the weights have seen; `finished` says that validation
        is behind them too.
        """
        rng = self._rng_before_validation or rng_state()
        ranks = gather_rank_states(rng, self._epoch_loss.sums(), self._reporter.last_events(), self._group)
        if self._rank == 0:
            state = {
                "format": FORMAT,
                "epoch": epoch,
                "batches_done": done,
                "epoch_finished": finished,
                "config": config_values(self._config),
                "world_size": self._world_size,
                "ranks": ranks,
                **self._training.state(),
            }
            for kind in kinds:
                self._write(kind, state)
        self._wait_for_writer()

    def _write(self, kind: str, state: dict[str, Any]) -> None:
        path = self._checkpoints / f"{kind}.pt"
        began = time.monotonic()
        try:
            save_atomically(state, path)
            self._check_once(path)
        except (OSError, CheckpointError) as error:
            self._reporter.send(SaveFailed(0, kind, str(getattr(error, "strerror", None) or error)))
        else:
            seconds = time.monotonic() - began
            self._reporter.send(Saved(0, kind, seconds))

    def _wait_for_writer(self) -> None:
        """A slow disk is not a rank that hangs, so here the ranks have more patience."""
        if self._group is None:
            return
        _set_pg_timeout(timedelta(seconds=SAVE_SECONDS), self._group)
        dist.barrier(self._group)
        _set_pg_timeout(timedelta(seconds=self._config.timeout), self._group)

    def _check_once(self, path: Path) -> None:
        """A task's optimizer or scheduler may hold what no safe reader takes: better told now than later."""
        if not self._checkpoint_checked:
            read_checkpoint(path, check=False)
            self._checkpoint_checked = True
