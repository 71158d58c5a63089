"""Turns the events of one attempt into records, lines and rows, one event after another. Knows no threads."""

from __future__ import annotations

import math
import time
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
from ..metrics.merge import BatchMerger, EpochTotals
from ..metrics.records import (
    BatchRecord,
    EpochStarted,
    RunEnded,
)
from ..metrics.values import MOST_NAMES, ValueNames
from .attempt_info import AttemptInfo
from .epoch_books import EpochBooks
from .foreign_failure import first_error, raised
from .generations import Generations
from .held_events import HeldEvents
from .milestones import Milestones
from .ranks import Ranks
from .recovery import Recovered
from .run_writer import RunWriter


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
        self.writer = RunWriter(attempt, run, catalogue, stdout)
        self.sinks = self.writer.sinks
        self.ranks = Ranks()
        self._generations = Generations()
        self._known = self.writer.known
        self.steps = run.start.step
        """The newest step of any rank."""
        self._world_size = max(1, run.world_size)
        """Of a run that is not ours: as large as its ranks say."""
        self._began = time.monotonic()
        self._values = ValueNames(run.value_names)
        self._batches = BatchMerger(self._world_size, run.attempt, self._began, run.start.step, self._values)
        self._too_many_told = False
        self._epochs = EpochBooks(run, self._world_size, self._values.how)
        self._held = HeldEvents(run.start.step)
        self._milestones = Milestones(attempt.folder.checkpoints, self._epochs, self.writer)
        self._anomalies = AnomalyWatch()
        if attempt.recovered is not None:
            self._take_earlier(attempt.recovered)
        self.sinks.record(run)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Of the validations, as far as they are known."""
        return self._known.now.metric_names

    @property
    def stopped_by(self) -> str:
        """The command that stopped the ranks, if one did."""
        return self._milestones.stopped_by

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
                if self._known.plan(event):
                    self._epochs.eta.epochs, self._epochs.eta.steps = self._known.now.epochs, self._known.now.steps
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
                self.writer.emit(event.kind, event.level, rank=event.rank, **event.fields)
            case BatchesDropped():
                self.writer.emit("dropped", "warning", rank=event.rank, count=event.count)
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
            self.writer.emit("ranks_settled", "warning", present=present, world_size=self._world_size)
            self._set_world_size(present)

    def _comes_too_late(self, event: AnyEvent) -> bool:
        """Whether the event is of what was merged without its rank; from then on, that rank is waited for."""
        if self.ranks.late.joins(event):
            self.writer.emit("rank_late", "warning", rank=event.rank)
            self._set_world_size(self._world_size + 1)
        return self.ranks.late.is_past(event, self._batches.merged_step, self._epochs.newest_ended)

    def record_rank_states(self) -> None:
        """The newest batch of each rank into the journal, from time to time."""
        states = self.ranks.new_states()
        for state in states:
            self.sinks.record(state)
        for notice in self._anomalies.new_stragglers() if states else []:
            self.writer.emit_notice(notice)

    def end(self, state: str, reason: str) -> RunEnded:
        """No more events: write what is left, and how the attempt ended.

        `state` is that of `RunEnded`. `reason` says what failed, and may have several lines.
        """
        self.sinks.look()  # so that the end stands last
        self._batches.close()
        if self._batches.incomplete:
            self.writer.emit("incomplete", "warning", count=self._batches.incomplete)
        for epoch in self._epochs.rest():
            self._end_epoch(epoch, {"restarting": "failed", "finished": "completed"}.get(state, state))
        for event in self._held.rest():
            self._milestones.write(event)
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
        self.writer.end(ended, validated=best is not None and best.val_loss is not None)
        return ended

    def _begin_generation(self) -> None:
        """The ranks are started anew: close the books of those that were, and wait for as many as will come."""
        self._batches.close()
        done = bool(self.ranks.finished) and not self.ranks.silent(self._world_size) and not self.ranks.errors
        for epoch in self._epochs.rest():
            self._end_epoch(epoch, "completed" if done else "failed")
        for event in self._held.rest():
            self._milestones.write(event)
        if (error := first_error(self.ranks.errors.values())) is not None:
            self.writer.emit_notice(raised(error))
        self.writer.emit("ranks_again", "info" if done else "warning", epoch=self._epochs.newest_ended + 1)
        self._generations.go_on_behind(self._epochs.newest_ended, self._batches.merged_step)
        self.ranks = Ranks()
        self._batches.world_size = self._world_size = self._epochs.world_size = 1

    # ---- batches and epochs -------------------------------------------------------------------------------

    def _take_earlier(self, recovered: Recovered) -> None:
        """Fill what the files lack, and go on with the sums of the earlier attempts."""
        history, start = recovered.history, self._known.now.start
        for record in history.wanted:
            batches = history.batches.get(record.epoch, record.batch + 1)
            self.writer.earlier_batch(record, batches)
        for summary in history.summaries:
            self._epochs.add_earlier(summary)
            self.sinks.record_earlier(summary)
        for epoch in history.ended:
            self._epochs.open[epoch.epoch] = epoch
            self._end_epoch(epoch, "completed")
        if history.open:
            batches = history.batches.get(start.epoch, start.batch)
            self._epochs.get(start.epoch, batches).add_earlier(history.open)

    def _meet(self, rank: Introduced) -> None:
        """One that we did not start tells how many there are."""
        self.ranks.take(rank)
        there_are = self._world_size
        if self.ranks.late.settled is None:
            there_are = max(there_are, rank.world_size, len(self.ranks.came))
        self._set_world_size(there_are, rank.device.partition(":")[0])

    def _set_world_size(self, world_size: int, device: str = "") -> None:
        if world_size == self._known.now.world_size and not device:
            return
        self._world_size = self._batches.world_size = world_size
        self._epochs.resize(world_size)
        self._known.tell(world_size=world_size, device=device or self._known.now.device)
        for record in self._batches.complete():
            self._end_left_epochs(record.epoch)
            self._batch(record)
        self._end_left_epochs()

    def _end_left_epochs(self, before: float = math.inf) -> None:
        """End the epochs that all ranks have left, now that there are fewer ranks."""
        for epoch in self._epochs.left(before):
            self._end_epoch(epoch, epoch.status)

    def _batch(self, record: BatchRecord) -> None:
        if len(self._values.names) > len(self._known.now.value_names):
            self._known.name_values(self._values.names)
        if self._values.refused and not self._too_many_told:
            self._too_many_told = True
            self.writer.emit("too_many_values", "warning", name=self._values.refused, most=MOST_NAMES)
        epoch = self._epochs.get(record.epoch)
        epoch.add(record)
        self.writer.batch(record, epoch.batches)
        for notice in self._anomalies.notices_of(record):
            self.writer.emit_notice(notice)
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
        self.writer.epoch(self._epochs.end(epoch, status, self._seconds_left), epoch.batches)

    def _seconds_left(self, epoch: int) -> float:
        """When this epoch is done; nan while unknown."""
        eta = self._epochs.eta
        if self._known.now.epochs > 0:
            return eta.seconds_left(epoch)
        step = self._batches.merged_step
        return eta.seconds_left_by_steps(step, step - self._known.now.start.step, time.monotonic() - self._began)

    def _release_due(self) -> None:
        """Write the events of rank 0 that were held back until their batch or epoch was merged over all ranks."""
        for event in self._held.due(self._batches.merged_step, self._epochs.open):
            self._milestones.write(event)
