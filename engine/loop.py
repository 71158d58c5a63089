"""The training loop of one rank: epochs, and the commands in between."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist

from ..log.catalogue import Catalogue
from ..metrics.commands import Command
from ..metrics.events import CommandTaken, EpochEnded, EpochTrained, ValidationFailed
from ..metrics.records import Start
from ..reporting.reporter import Reporter
from ..reporting.samples import SampleCounter
from .batches import Share, agree_on_batches, steps_of, train_batches, val_batches
from .checkpoint import Checkpoint
from .config import TrainConfig
from .control import Control
from .data import to_device
from .epoch_loss import EpochLoss
from .failures import PeerFailedError, ValidationFailedError
from .last_word import reason_of
from .patience import Patience
from .random_state import set_rng_state
from .save_every import SaveEvery
from .saver import Saver
from .task import Task
from .task_options import Needs, read_options
from .training import Training
from .validation import Outcome, Validation, mean_over_ranks


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
        patience: Patience,
        reporter: Reporter,
        checkpoints: Path,
        needs: Needs,
    ) -> None:
        """`group` is a gloo group of all ranks, None for a single one.

        Raises `UsageError` on every rank when one has another number of batches than the rest: it would leave
        the others waiting at the end of the epoch.
        """
        self._config = config
        self._rank = rank
        self._group = group
        self._device = device
        self._moves_batches = device.type != "cpu"  # where datasets make them
        self._control = control
        self._patience = patience
        self._reporter = reporter
        self._world_size = world_size = 1 if group is None else dist.get_world_size(group)
        options = read_options(task)
        share = Share(rank, world_size, group)
        self._train_data = train_batches(task.train_data(), config, options, share, drop_last=needs.drop_last)
        val_data = val_batches(task.val_data(), config, options, share)
        agree_on_batches(self._train_data, val_data, share)
        steps = steps_of(self._train_data, config.epochs)
        self._training = Training(
            task, config, device, steps, options, find_unused_parameters=needs.find_unused_parameters
        )
        self._samples = SampleCounter(config.batch_size, stacked=options.collate_fn is None)
        self._validation = None
        if val_data is not None:
            self._validation = Validation(
                options, val_data, self._training,
                rank=rank, group=group, device=device, control=control, reporter=reporter,
            )  # fmt: skip
        self._save_every = SaveEvery.parse(config.save_every)
        self._start = Start()
        self._epoch_loss = EpochLoss(device)
        """Without validation it tells the best epoch."""
        self._saver = Saver(
            checkpoints, config, self._training, self._epoch_loss,
            rank=rank, group=group, patience=patience, reporter=reporter,
        )  # fmt: skip
        self._stop_after_epoch = False

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where `checkpoint` was written; raises `UsageError` if it is that of another model."""
        state, ranks = checkpoint.state, checkpoint.state["ranks"]
        self._training.load(state, float(state["config"]["lr"]))
        self._start = checkpoint.start
        self._saver.restored(checkpoint)
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
        """Train, save, validate and report; False when a command stopped it."""
        first_batch = self._start.batch if epoch == self._start.epoch else 0
        if first_batch == 0:
            self._epoch_loss.reset()
        val_batches = self._validation.batches if self._validation is not None else 0
        self._reporter.begin_epoch(epoch, self._train_data.batches, val_batches, first_batch)
        began = time.monotonic()
        done, stopped = self._train(epoch, first_batch)
        train_seconds = time.monotonic() - began
        if not stopped and done != self._train_data.batches:
            self._train_data.batches = done
            if self._rank == 0:
                self._reporter.send(EpochTrained(0, epoch, done, val_batches))
        saved = done == first_batch  # an earlier attempt did
        if self._validation is not None and not (stopped or saved) and self._save_due(epoch):
            saved = self._saver.save(["last"], epoch, done, finished=False)
        began = time.monotonic()
        score = None  # what the best epoch is judged by
        if self._validation is not None and not stopped:
            outcome = self._validation.run(epoch, lambda failed: self._handle_command(epoch, done, failed=failed))
            if outcome.failed_rank is not None:
                self._validation_failed(epoch, done, outcome, saved=saved)
            score, stopped = outcome.score, outcome.stopped
        elif not stopped:
            score = mean_over_ranks(self._epoch_loss.sums(), self._group)[0]
        seconds = train_seconds + time.monotonic() - began
        if not stopped:
            self._training.epoch_ended(score)
        status = "stopped" if stopped else "completed"
        self._reporter.send(EpochEnded(self._rank, epoch, status, train_seconds, seconds))
        kinds = ["last"] if stopped or self._save_due(epoch) else []
        if score is not None and self._training.improved(score, epoch):
            kinds.append("best")
        if kinds:
            self._save(kinds, epoch, done, finished=not stopped)
        return not stopped

    def _save_due(self, epoch: int) -> bool:
        """Whether `epoch` is one after which last.pt is written."""
        last_epoch = epoch == self._config.epochs or self._stop_after_epoch
        return last_epoch or self._save_every.after_epoch(epoch)

    def _validation_failed(self, epoch: int, done: int, outcome: Outcome, *, saved: bool) -> None:
        """End the run with everything saved, or go on, as configured."""
        error = outcome.error if outcome.failed_rank == self._rank else None
        if self._config.on_validation_error == "warn":
            if error is not None:
                reason = reason_of(error, Catalogue(self._config.lang))
                self._reporter.send(ValidationFailed(self._rank, epoch, self._training.step, reason))
            return
        saved = saved or self._saver.save(["last"], epoch, done, finished=False)
        if error is not None:
            raise ValidationFailedError(epoch, saved=saved) from error
        raise PeerFailedError(f"rank {outcome.failed_rank}")

    def _train(self, epoch: int, first_batch: int) -> tuple[int, bool]:
        """The batches of an epoch from `first_batch` on: how many are done, and whether a command stopped it."""
        reporter, training = self._reporter, self._training
        training.ddp.train()  # type: ignore[no-untyped-call]
        done = first_batch
        if done == self._train_data.batches:  # stopped in validation
            return done, False
        for batch in reporter.batches(self._train_data.epoch(epoch, first_batch)):
            if self._moves_batches:
                batch = to_device(batch, self._device)
            samples = self._samples.count(batch) or self._config.batch_size
            lr = training.lr
            loss = training.train_batch(batch, reporter.forward_done)
            if training.values:
                reporter.values(training.values)
            reporter.batch(loss, lr, samples)
            done += 1
            if training.step == self._start.step + 1:
                self._patience.first_batch_done(self._group, self._device)
            if self._validation is None:  # only then it decides which epoch is best
                self._epoch_loss.add(loss, samples)
            if self._control.due() and self._handle_command(epoch, done):
                return done, True
            if self._save_every.after_batch(training.step):
                self._save(["last"], epoch, done, finished=False)
        return done, False

    # ---- commands -----------------------------------------------------------------------------------------

    def _handle_command(self, epoch: int, done: int, *, failed: bool = False) -> bool:
        """Obey the command that the ranks agree on now, if there is one; True to stop.

        With `failed`, the other ranks learn that this one cannot go on with its validation.
        """
        nonfinite = self._config.on_nan == "stop" and self._reporter.nonfinite
        command = self._control.agree(nonfinite=nonfinite, failed=failed)
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
        rng = self._validation.rng_before if self._validation is not None else None
        self._saver.save(kinds, epoch, done, finished=finished, rng=rng)
