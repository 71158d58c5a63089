"""Turns the events of one attempt into records, lines and rows, one event after another. Knows no threads."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TextIO

import msgspec

from ..log.catalogue import Catalogue
from ..metrics.anomalies.watch import AnomalyWatch
from ..metrics.events import (
    AnyEvent,
    BatchesDropped,
    BatchEvent,
    BatchValues,
    CommandTaken,
    EpochBegan,
    EpochEnded,
    EpochTrained,
    Finished,
    Hello,
    Introduced,
    Planned,
    RankFailed,
    Saved,
    SaveFailed,
    Standing,
    Validated,
    ValidatedAt,
    ValidationFailed,
    Warned,
)
from ..metrics.line_context import INTERVAL_CHANGED
from ..metrics.merge import BatchMerger, EpochTotals
from ..metrics.records import (
    BatchRecord,
    EpochStarted,
    Notice,
    RunEnded,
    RunStarted,
    RunTold,
    ValidationRecord,
)
from ..metrics.values import MOST_NAMES, ValueNames
from .epoch_books import EpochBooks
from .foreign_failure import first_error, raised
from .generations import Generations
from .held_events import HeldEvent, HeldEvents
from .ranks import Ranks
from .recovery import Recovered
from .run_folder import RunFolder
from .sinks import Sinks


@dataclass(frozen=True)
class AttemptInfo:
    """What must be known of the attempt that is recorded."""

    folder: RunFolder
    started: RunStarted
    log_batch_metrics: bool
    recovered: Recovered | None = None
    """The files that earlier attempts left; None for the first attempt."""


class Aggregator:
    """The books of one attempt."""

    def __init__(self, attempt: AttemptInfo, catalogue: Catalogue, stdout: TextIO | None) -> None:
        """Open the files of the run; raises `OSError`. Without `stdout` there is no console."""
        run = attempt.started
        if attempt.recovered is not None:
            history = attempt.recovered.history
            run = msgspec.structs.replace(
                run,
                value_names=history.value_names or run.value_names,
                metric_names=run.metric_names or history.metric_names,
            )
        self._catalogue = catalogue
        self.ranks = Ranks()
        self._generations = Generations()
        self.stopped_by = ""
        """The command that stopped the ranks, if one did."""
        self.interval = run.log_interval
        """The log interval of the console and of every watcher."""
        self.sinks = Sinks(
            attempt.folder,
            run.metric_names,
            run.value_names,
            catalogue,
            self.emit,
            log_batch_metrics=attempt.log_batch_metrics,
            stdout=stdout,
            recovered=attempt.recovered,
        )
        self.steps = run.start.step
        """The newest step of any rank."""
        self._run = self._asked = run
        self._world_size = max(1, run.world_size)
        """Of a run that is not ours: as large as its ranks say."""
        self._checkpoints = attempt.folder.checkpoints
        self._began = time.monotonic()
        self._values = ValueNames(run.value_names)
        self._batches = BatchMerger(self._world_size, run.attempt, self._began, run.start.step, self._values)
        self._too_many_told = False
        self._epochs = EpochBooks(run, self._world_size, self._values.how)
        self._held = HeldEvents(run.start.step)
        self._anomalies = AnomalyWatch()
        if attempt.recovered is not None:
            self._take_earlier(attempt.recovered)
        self.sinks.record(run)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Of the validations, as far as they are known."""
        return self._run.metric_names

    def set_interval(self, interval: int) -> None:
        """Change the log interval of the console and of every watcher."""
        self.interval = interval
        self.emit(INTERVAL_CHANGED, "info", interval=interval)

    def handle(self, event: AnyEvent) -> None:
        """Take one event; those of a rank must come in its order."""
        placed = self._generations.placed(event)
        if placed is None:
            return
        event = placed
        if self.ranks.late.settled is not None and self._comes_too_late(event):
            return
        match event:
            case BatchEvent():
                self.ranks.batch(event)
                self.steps = max(self.steps, event.step)
                self._anomalies.add_event(event)
                if event.rank == 0:
                    self._held.batch_done(event.step)
                record = self._batches.add(event)
                if record is not None:
                    self._batch(record)
            case BatchValues():
                self._batches.add_values(event)
            case Planned():
                self._plan(event)
            case Introduced():
                self._meet(event)
            case EpochBegan():
                self._begin_epoch(event)
            case Validated():
                self._epochs.open[event.epoch].validated(event.loss, event.metrics, event.seconds)
            case ValidatedAt():
                self._held.hold(event)
                self._release_due()
            case EpochEnded():
                self._rank_ended_epoch(event)
            case EpochTrained() | Saved() | SaveFailed() | CommandTaken():
                self._held.hold(event)
                self._release_due()
            case ValidationFailed():
                self._held.hold_until(event.step, event)
                self._release_due()
            case Warned():
                self.emit(event.kind, event.level, rank=event.rank, **event.fields)
            case BatchesDropped():
                self.emit("dropped", "warning", rank=event.rank, count=event.count)
            case Hello():
                if self._generations.comes_again(event):
                    self._begin_generation()
                self.ranks.take(event)
            case Standing() | RankFailed() | Finished():
                self.ranks.take(event)

    def silent_ranks(self) -> list[int]:
        """Ranks that have not said how they ended; some of them may not even have said hello."""
        return self.ranks.silent(self._world_size)

    def settle_ranks(self) -> None:
        """Wait no longer for ranks that have told no batch: only those that did are known to report."""
        present = len(self.ranks.reporting)
        if not present or self.ranks.late.settled is not None:
            return
        self.ranks.late.settle(self.ranks.reporting)
        if present < self._world_size:
            self.emit("ranks_settled", "warning", present=present, world_size=self._world_size)
            self._set_world_size(present)

    def _comes_too_late(self, event: AnyEvent) -> bool:
        """Whether the event is of what was merged without its rank; from then on, that rank is waited for."""
        if self.ranks.late.joins(event):
            self.emit("rank_late", "warning", rank=event.rank)
            self._set_world_size(self._world_size + 1)
        return self.ranks.late.is_past(event, self._batches.merged_step, self._epochs.newest_ended)

    def record_rank_states(self) -> None:
        """The newest batch of each rank into the journal, from time to time."""
        states = self.ranks.new_states()
        for state in states:
            self.sinks.record(state)
        for notice in self._anomalies.new_stragglers() if states else []:
            self.emit_notice(notice)

    def end(self, state: str, reason: str) -> RunEnded:
        """No more events: write what is left, and how the attempt ended.

        `state` is that of `RunEnded`. `reason` says what failed, and may have several lines.
        """
        self.sinks.look()  # so that the end stands last
        self._batches.close()
        if self._batches.incomplete:
            self.emit("incomplete", "warning", count=self._batches.incomplete)
        for epoch in self._epochs.rest():
            self._end_epoch(epoch, {"restarting": "failed", "finished": "completed"}.get(state, state))
        for event in self._held.rest():
            self._release(event)
        if reason:
            self.sinks.line(reason, console=False)
        best, judge = self._epochs.best if state != "restarting" else None, self._epochs.judge
        ended = RunEnded(
            state=state,
            reason=reason,
            epochs_done=self._epochs.done,
            best_epoch=best.epoch if best else 0,
            best_score=judge.score(best) if best else math.nan,
            elapsed_seconds=time.monotonic() - self._began,
            at=time.time(),
            best_metric=judge.metric if best else "",
        )
        self.sinks.record(ended)
        validated = best is not None and best.val_loss is not None
        for line in self._catalogue.end(ended, self._run.epochs, validated=validated):
            self.sinks.line(line)
        self.sinks.flush(sync=True)
        return ended

    def emit(self, kind: str, level: str, **fields: str | int | float) -> None:
        """Add a line of our own, on screen, in the log and in the journal."""
        self.emit_notice(Notice(kind, level, dict(fields), at=time.time()))

    def emit_notice(self, notice: Notice) -> None:
        """Add a notice, as `emit` does."""
        self.sinks.record(notice)
        self.sinks.line(self._catalogue.notice(notice))

    def _begin_generation(self) -> None:
        """The ranks are started anew: close the books of those that were, and wait for as many as will come."""
        self._batches.close()
        done = bool(self.ranks.finished) and not self.ranks.silent(self._world_size) and not self.ranks.errors
        for epoch in self._epochs.rest():
            self._end_epoch(epoch, "completed" if done else "failed")
        for event in self._held.rest():
            self._release(event)
        if (error := first_error(self.ranks.errors.values())) is not None:
            self.emit_notice(raised(error))
        self.emit("ranks_again", "info" if done else "warning", epoch=self._epochs.newest_ended + 1)
        self._generations.go_on_behind(self._epochs.newest_ended, self._batches.merged_step)
        self.ranks = Ranks()
        self._batches.world_size = self._world_size = self._epochs.world_size = 1

    # ---- batches and epochs -------------------------------------------------------------------------------

    def _take_earlier(self, recovered: Recovered) -> None:
        """Fill what the files lack, and go on with the sums of the earlier attempts."""
        history, run = recovered.history, self._run
        for record in history.wanted:
            batches = history.batches.get(record.epoch, record.batch + 1)
            line = self._catalogue.batch(record, run.epochs, batches, run.value_names)
            self.sinks.record_earlier(record, line)
        for summary in history.summaries:
            self._epochs.add_earlier(summary)
            self.sinks.record_earlier(summary)
        for epoch in history.ended:
            self._epochs.open[epoch.epoch] = epoch
            self._end_epoch(epoch, "completed")
        if history.open:
            batches = history.batches.get(run.start.epoch, run.start.batch)
            self._epochs.get(run.start.epoch, batches).add_earlier(history.open)

    def _meet(self, rank: Introduced) -> None:
        """One that we did not start tells how many there are."""
        self.ranks.take(rank)
        there_are = self._world_size
        if self.ranks.late.settled is None:
            there_are = max(there_are, rank.world_size, len(self.ranks.came))
        self._set_world_size(there_are, rank.device.partition(":")[0])

    def _set_world_size(self, world_size: int, device: str = "") -> None:
        if world_size == self._run.world_size and not device:
            return
        self._world_size = self._batches.world_size = world_size
        self._epochs.resize(world_size)
        self._tell(world_size=world_size, device=device or self._run.device)
        for record in self._batches.complete():
            self._end_left_epochs(record.epoch)
            self._batch(record)
        self._end_left_epochs()

    def _end_left_epochs(self, before: float = math.inf) -> None:
        """End the epochs that all ranks have left, now that there are fewer ranks."""
        for epoch in self._epochs.left(before):
            self._end_epoch(epoch, epoch.status)

    def _plan(self, planned: Planned) -> None:
        """What the command line tells of the epochs and steps stands, as nobody else may know better."""
        epochs = self._asked.epochs if self._asked.epochs > 0 else planned.epochs
        steps = self._asked.steps if self._asked.steps > 0 else planned.steps
        if (epochs, steps) != (self._run.epochs, self._run.steps):
            self._epochs.eta.epochs, self._epochs.eta.steps = epochs, steps
            self._tell(epochs=epochs, steps=steps)

    def _tell(self, **changes: object) -> None:
        """Something of the run is known only now, to all that read its journal."""
        run = self._run = msgspec.structs.replace(self._run, **changes)
        self.sinks.record(
            RunTold(run.world_size, run.device, run.epochs, run.steps, run.metric_names, run.value_names)
        )

    def _name_values(self) -> None:
        """Some of the values came for the first time."""
        self._tell(value_names=tuple(self._values.names))
        self.sinks.name_values(self._run.value_names)

    def _batch(self, record: BatchRecord) -> None:
        if len(self._values.names) > len(self._run.value_names):
            self._name_values()
        if self._values.refused and not self._too_many_told:
            self._too_many_told = True
            self.emit("too_many_values", "warning", name=self._values.refused, most=MOST_NAMES)
        epoch = self._epochs.get(record.epoch)
        epoch.add(record)
        line = self._catalogue.batch(record, self._run.epochs, epoch.batches, self._run.value_names)
        self.sinks.line(line, console=record.batch % self.interval == 0)
        self.sinks.record(record)
        for notice in self._anomalies.notices_of(record):
            self.emit_notice(notice)
        if self._held:
            self._release_due()

    def _begin_epoch(self, event: EpochBegan) -> None:
        """A fast rank may begin an epoch while another has not told the end of the one before."""
        epoch = self._epochs.get(event.epoch, event.batches)
        if epoch.rank_began(event.rank):
            self.sinks.record(EpochStarted(event.epoch, epoch.batches, event.val_batches))

    def _rank_ended_epoch(self, event: EpochEnded) -> None:
        if event.rank == 0:
            self._held.epoch_ended(event.epoch)
        epoch = self._epochs.get(event.epoch)
        if epoch.rank_ended(event):
            self._end_epoch(epoch, epoch.status)
            self._release_due()

    def _end_epoch(self, epoch: EpochTotals, status: str) -> None:
        summary = self._epochs.end(epoch, status, self._seconds_left)
        self.sinks.record(summary)
        run = self._run
        for line in self._catalogue.epoch(summary, run.epochs, epoch.batches, run.metric_names, run.value_names):
            self.sinks.line(line)
        self.sinks.flush(sync=True)

    def _seconds_left(self, epoch: int) -> float:
        """When this epoch is done; nan while unknown."""
        eta = self._epochs.eta
        if self._run.epochs > 0:
            return eta.seconds_left(epoch)
        step = self._batches.merged_step
        return eta.seconds_left_by_steps(step, step - self._run.start.step, time.monotonic() - self._began)

    def _release_due(self) -> None:
        """Write the events of rank 0 that were held back until their batch or epoch was merged over all ranks."""
        for event in self._held.due(self._batches.merged_step, self._epochs.open):
            self._release(event)

    def _release(self, event: HeldEvent) -> None:
        match event:
            case EpochTrained():
                self._epochs.get(event.epoch).batches = event.batches
                self.sinks.record(EpochStarted(event.epoch, event.batches, event.val_batches))
            case Saved():
                self._epochs.eta.saved(event.seconds)
                path = self._checkpoints / f"{event.kind}.pt"
                self.emit(f"saved_{event.kind}", "info", path=str(path), seconds=event.seconds)
            case SaveFailed():
                path = self._checkpoints / f"{event.kind}.pt"
                self.emit("save_failed", "warning", path=str(path), reason=event.reason)
            case ValidatedAt():
                self._validated(event)
            case ValidationFailed():
                self.emit("validation_failed", "warning", epoch=event.epoch, rank=event.rank, reason=event.reason)
            case CommandTaken():
                self.stopped_by = event.command if event.command.startswith("stop") else self.stopped_by
                self.emit(f"{event.command}_taken", "info", epoch=event.epoch, batch=event.batch)

    def _validated(self, event: ValidatedAt) -> None:
        """A validation at any time; where an epoch is open, it is one of that."""
        names = [*self._run.metric_names, *(name for name in event.values if name not in self._run.metric_names)]
        if len(names) > len(self._run.metric_names):
            self._tell(metric_names=tuple(names[:MOST_NAMES]))
            self.sinks.name_metrics(self._run.metric_names)
        metrics = tuple(event.values.get(name) for name in self._run.metric_names)
        epoch = self._epochs.open.get(event.epoch)
        batch = 0
        if epoch is not None:
            epoch.validated(event.loss, metrics, event.seconds)
            batch = epoch.done
        record = ValidationRecord(
            event.epoch, batch, event.step, event.loss, metrics, event.seconds, at=time.time()
        )
        self.sinks.record(record)
        self.sinks.line(self._catalogue.validation(record, self._run.metric_names))
