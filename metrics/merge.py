"""Merges the events of the ranks into batch records, in step order, and batches into epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .events import BatchEvent, BatchValues, EpochEnded
from .records import BatchRecord, EpochSummary
from .values import ValueNames, Values, ValueTotals, merge_values, weights_of


def merge_batch(events: Sequence[BatchEvent], started: float, attempt: int, values: Values = ()) -> BatchRecord:
    """The record of one step from one event per rank; `started` is the attempt's monotonic start.

    `values` are those of the ranks, merged.
    """
    first = events[0]
    if len(events) == 1:  # a single rank merges nothing
        return BatchRecord(
            first.epoch,
            first.batch,
            first.step,
            first.loss,
            first.lr,
            first.loss,
            first.loss,
            first.step_seconds,
            first.data_wait_seconds,
            first.samples,
            first.at - started,
            attempt,
            values,
        )
    events = sorted(events, key=lambda event: event.rank)  # so that the sum is always rounded alike
    weights = weights_of([event.samples for event in events])
    samples = sum(event.samples for event in events) if all(event.samples for event in events) else 0
    loss = sum(event.loss * weight for event, weight in zip(events, weights, strict=True)) / sum(weights)
    # because min() and max() of a list with a nan depend on its order
    losses = [loss] if math.isnan(loss) else [event.loss for event in events]
    waits = [event.data_wait_seconds for event in events if not math.isnan(event.data_wait_seconds)]
    return BatchRecord(
        epoch=first.epoch,
        batch=first.batch,
        step=first.step,
        loss=loss,
        lr=first.lr,
        min_rank_loss=min(losses),
        max_rank_loss=max(losses),
        step_seconds=max(event.step_seconds for event in events),
        data_wait_seconds=max(waits, default=math.nan),
        samples=samples,
        elapsed_seconds=max(event.at for event in events) - started,
        attempt=attempt,
        values=values,
    )


class BatchMerger:
    """Collects one event per rank and step. A rank's own events must arrive in its order."""

    def __init__(
        self, world_size: int, attempt: int, started: float, step: int = 0, names: ValueNames | None = None
    ) -> None:
        """`started` is the attempt's monotonic start, `step` the number of batches that were done before it.

        `names` are those of the values that earlier attempts had.
        """
        self.incomplete = 0
        """Steps for which an event is missing, because the rank dropped it or died before it was sent."""
        self.world_size = world_size
        self.names = names or ValueNames()
        """Of the values; it grows as they come."""
        self._attempt = attempt
        self._started = started
        self._pending: dict[int, list[BatchEvent]] = {}
        self._values: dict[int, list[BatchValues]] = {}
        self._next_step = step + 1

    @property
    def merged_step(self) -> int:
        """The newest step that all ranks have reported."""
        return self._next_step - 1

    def add(self, event: BatchEvent) -> BatchRecord | None:
        """Take one event; the finished record when it was the last of its step."""
        step = event.step
        events = self._pending.setdefault(step, [])
        events.append(event)
        if len(events) < self.world_size:
            return None
        del self._pending[step]
        if step != self._next_step:
            self._drop_before(step)
        self._next_step = step + 1
        return self._merged(step, events)

    def add_values(self, values: BatchValues) -> None:
        """Take the values of a batch, before its event."""
        self._values.setdefault(values.step, []).append(values)

    def complete(self) -> list[BatchRecord]:
        """The records of steps that need no more events, after `world_size` became smaller."""
        records = []
        for step in sorted(self._pending):
            if len(self._pending[step]) >= self.world_size:
                events = self._pending.pop(step)
                self._next_step = step + 1
                records.append(self._merged(step, events))
        return records

    def _merged(self, step: int, events: list[BatchEvent]) -> BatchRecord:
        told = self._values.pop(step, None) if self._values else None
        values = merge_values(told, events, self.names) if told else ()
        return merge_batch(events, self._started, self._attempt, values)

    def close(self) -> None:
        """No more events: what is still pending was never reported by all ranks."""
        self.incomplete += len(self._pending)
        self._pending.clear()
        self._values.clear()

    def _drop_before(self, step: int) -> None:
        """Every rank has reported `step`, so what is older will never be complete."""
        stale = [old for old in self._pending if old < step]
        for old in stale:
            del self._pending[old]
        for old in [old for old in self._values if old < step]:
            del self._values[old]
        self.incomplete += len(stale)


class EpochTotals:
    """The sums of one epoch."""

    def __init__(self, epoch: int, batches: int, attempt: int, world_size: int, how: Sequence[str] = ()) -> None:
        """`how` tells of each named value how it is merged; it may grow."""
        self.epoch = epoch
        self.batches = batches
        self.done = 0
        self._attempt = attempt
        self.world_size = world_size
        self._weighted_sum = 0.0
        """Of the losses, by their samples …"""
        self._plain_sum = 0.0
        """… and as they are, for batches that do not know theirs."""
        self._samples = 0
        self._samples_known = True
        self._min = math.inf
        self._max = -math.inf
        self._lr = math.nan
        self._step_seconds = 0.0
        self._earlier_seconds = 0.0
        self._data_wait = math.nan
        """Unknown until a batch tells it."""
        self._nonfinite = 0
        self._values = ValueTotals(how)
        self._validated: tuple[float | None, Values, float] | None = None
        """Loss, metrics and seconds of its validations."""
        self._began: set[int] = set()
        self._ended: dict[int, EpochEnded] = {}

    def add(self, record: BatchRecord) -> None:
        """Take one merged batch."""
        loss = record.loss
        self.done += 1
        self._weighted_sum += loss * record.samples
        self._plain_sum += loss
        self._samples += record.samples
        self._samples_known = self._samples_known and record.samples > 0
        self._lr = record.lr
        self._step_seconds += record.step_seconds
        if not math.isnan(record.data_wait_seconds):
            waited = 0.0 if math.isnan(self._data_wait) else self._data_wait
            self._data_wait = waited + record.data_wait_seconds
        if record.values:
            self._values.add(record.values, record.samples)
        if math.isfinite(loss):
            self._min = min(self._min, loss)
            self._max = max(self._max, loss)
        else:
            self._nonfinite += 1

    def add_earlier(self, records: Iterable[BatchRecord]) -> None:
        """Take batches that earlier attempts did. What they took is the sum of their steps."""
        for record in records:
            self.add(record)
            self._earlier_seconds += record.step_seconds

    def validated(self, loss: float | None, metrics: Values, seconds: float) -> None:
        """Take a validation of this epoch; of several, the newest loss counts, and so does each metric."""
        earlier_loss, earlier, spent = self._validated or (None, (), 0.0)
        newest = [*metrics, *earlier[len(metrics) :]]
        for place, value in enumerate(earlier[: len(metrics)]):
            newest[place] = value if newest[place] is None else newest[place]
        self._validated = earlier_loss if loss is None else loss, tuple(newest), spent + seconds

    def rank_ended(self, event: EpochEnded) -> bool:
        """Take the end of one rank; True when it was the last one."""
        self._ended[event.rank] = event
        return len(self._ended) == self.world_size

    def rank_began(self, rank: int) -> bool:
        """Take the beginning of one rank; True when it was the last one."""
        self._began.add(rank)
        return len(self._began) == self.world_size

    @property
    def is_left(self) -> bool:
        """Whether all ranks have come to its end."""
        return len(self._ended) >= self.world_size

    @property
    def seconds(self) -> float:
        """What training and validation took. Until all ranks have left the epoch it is the sum of the steps."""
        if len(self._ended) == self.world_size:
            return self._earlier_seconds + max(event.epoch_seconds for event in self._ended.values())
        return self._step_seconds

    @property
    def status(self) -> str:
        """`completed`, `stopped`, or `failed` while a rank has not come to the end."""
        if len(self._ended) < self.world_size:
            return "failed"
        stopped = any(event.status == "stopped" for event in self._ended.values())
        return "stopped" if stopped else "completed"

    def summary(self, eta_hours: float, finished_at: float, status: str | None = None) -> EpochSummary:
        """What is known of the epoch now; `status` overrides the ranks' own."""
        finite = self.done > self._nonfinite
        train_seconds = self._step_seconds
        if len(self._ended) == self.world_size:
            train_seconds = self._earlier_seconds + max(event.train_seconds for event in self._ended.values())
        val_loss, val_metrics, val_seconds = self._validated or (None, (), 0.0)
        return EpochSummary(
            epoch=self.epoch,
            avg_loss=self._average(),
            min_batch_loss=self._min if finite else math.nan,
            max_batch_loss=self._max if finite else math.nan,
            lr=self._lr,
            epoch_seconds=self.seconds,
            eta_hours=eta_hours,
            val_loss=val_loss,
            samples=self._samples if self._samples_known else 0,
            samples_per_second=self._samples / train_seconds
            if train_seconds > 0 and self._samples_known
            else math.nan,
            data_wait_seconds=self._data_wait,
            nonfinite_batches=self._nonfinite,
            world_size=self.world_size,
            attempt=self._attempt,
            status=status or self.status,
            finished_at=finished_at,
            val_metrics=val_metrics,
            val_seconds=val_seconds,
            batches=self.done,
            values=self._values.values(),
        )

    def _average(self) -> float:
        if not self.done:
            return math.nan
        return self._weighted_sum / self._samples if self._samples_known else self._plain_sum / self.done
