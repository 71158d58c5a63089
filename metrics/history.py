"""What earlier attempts of a run did before the point where it resumes, whether they could record it or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from .events import AnyEvent, BatchEvent, BatchValues, EpochBegan, EpochEnded, EpochTrained, Validated
from .files.journal import JournalReader
from .merge import EpochTotals, merge_batch
from .records import AnyRecord, BatchRecord, EpochStarted, EpochSummary, RunStarted, RunTold, Start
from .values import ValueNames, merge_values


@dataclass
class History:
    """What is known of a run before the point where it resumes."""

    summaries: list[EpochSummary] = field(default_factory=list)
    """The completed epochs, in order."""
    ended: list[EpochTotals] = field(default_factory=list)
    """Epochs that have no summary, because the recorder died before it could write one."""
    open: list[BatchRecord] = field(default_factory=list)
    """The batches of the epoch in which the run resumes."""
    wanted: list[BatchRecord] = field(default_factory=list)
    """The batches that the caller asked for, and those that are missing in the journal."""
    batches: dict[int, int] = field(default_factory=dict)
    """How many batches an epoch has, by epoch."""
    value_names: tuple[str, ...] = ()
    """Of the values that the batches of earlier attempts had."""
    metric_names: tuple[str, ...] = ()
    """Of the metrics of their validations."""
    starts: list[tuple[int, Start]] = field(default_factory=list)
    """Where each attempt that is in the journal took up the work, with its number."""
    journal_step: int = 0
    """Step of the newest of these batches that is in the journal; 0 if none is."""
    unknown: int = 0
    """How many batches left no trace at all."""
    journal_end: int = 0
    """Where the last whole record of the journal ends, in bytes."""
    journal_damaged: int = 0
    """How many bytes of the journal belong to no record."""


def read_history(
    journal: Path,
    start: Start,
    last_events: Iterable[AnyEvent],
    world_size: int,
    wanted: Callable[[BatchRecord], bool],
) -> History:
    """The history before `start`; raises `OSError`.

    `last_events` are those that the checkpoint kept of its `world_size` ranks: when the run process is killed, what
    the ranks had told it may not have reached the journal.
    """
    past = _Past(start, wanted)
    history = past.history
    if journal.exists():
        reader = JournalReader(journal)
        while records := reader.read():
            past.add_all(records)
        past.add_all(reader.read_rest())
        history.journal_end, history.journal_damaged = reader.position, reader.damaged
        reader.close()
    history.journal_step = past.step
    events = list(last_events)
    history.batches.update(
        {event.epoch: event.batches for event in events if isinstance(event, (EpochBegan, EpochTrained))}
    )
    names = ValueNames(history.value_names)
    for record in _merged(events, world_size, past.newest, names):
        if past.step < record.step <= start.step:
            history.unknown += record.step - past.step - 1
            past.add(record)
            past.wanted[record.step] = record
    history.value_names = tuple(names.names)
    history.unknown += start.step - past.step
    history.summaries = [past.summaries[epoch] for epoch in sorted(past.summaries)]
    history.open = sorted(past.batches.pop(start.epoch, {}).values(), key=lambda record: record.step)
    history.wanted = [past.wanted[step] for step in sorted(past.wanted)]
    history.ended = [_tally(epoch, past.batches[epoch], events, world_size) for epoch in sorted(past.batches)]
    return history


class _Past:
    """Reads the journal in order; what a later attempt did again replaces what an earlier one did."""

    def __init__(self, start: Start, wanted: Callable[[BatchRecord], bool]) -> None:
        self.history = History()
        self.step = 0
        self.newest: BatchRecord | None = None
        self.summaries: dict[int, EpochSummary] = {}
        self.batches: dict[int, dict[int, BatchRecord]] = {}
        """By epoch and step, for epochs that have no summary yet."""
        self.wanted: dict[int, BatchRecord] = {}
        self._start = start
        self._wanted = wanted

    def add_all(self, records: Iterable[AnyRecord]) -> None:
        for record in records:
            match record:
                case BatchRecord():
                    self.add(record)
                case EpochSummary(status="completed") if record.epoch < self._start.epoch:
                    self.summaries[record.epoch] = record
                    self.batches.pop(record.epoch, None)
                case EpochStarted():
                    self.history.batches[record.epoch] = record.batches
                case RunTold():
                    self.history.value_names, self.history.metric_names = record.value_names, record.metric_names
                case RunStarted():
                    self.history.value_names, self.history.metric_names = record.value_names, record.metric_names
                    self.history.starts.append((record.attempt, record.start))
                    self._cut(record.start)

    def add(self, record: BatchRecord) -> None:
        if record.step > self._start.step:
            return
        self.step = record.step
        self.newest = record
        self.batches.setdefault(record.epoch, {})[record.step] = record
        if self._wanted(record):
            self.wanted[record.step] = record

    def _cut(self, start: Start) -> None:
        """Another attempt began at `start`."""
        self.step = min(self.step, start.step)
        self.summaries = {epoch: one for epoch, one in self.summaries.items() if epoch < start.epoch}
        self.wanted = {step: record for step, record in self.wanted.items() if step <= start.step}
        for epoch, records in list(self.batches.items()):
            left = {step: record for step, record in records.items() if step <= start.step}
            if left:
                self.batches[epoch] = left
            else:
                del self.batches[epoch]


def _merged(
    events: Iterable[AnyEvent], world_size: int, newest: BatchRecord | None, names: ValueNames
) -> list[BatchRecord]:
    """The batches that all ranks have told, in order; `names` of their values are added to.

    Their `elapsed_seconds` are reckoned from the steps, since the clock of a process that is gone cannot be read.
    """
    by_step: dict[int, list[BatchEvent]] = {}
    values: dict[int, list[BatchValues]] = {}
    for event in events:
        if isinstance(event, BatchEvent):
            by_step.setdefault(event.step, []).append(event)
        elif isinstance(event, BatchValues):
            values.setdefault(event.step, []).append(event)
    elapsed = newest.elapsed_seconds if newest else 0.0
    records = []
    for step in sorted(by_step):
        if len(by_step[step]) == world_size and (newest is None or step > newest.step):
            merged = merge_values(values.get(step, ()), by_step[step], names)
            record = merge_batch(by_step[step], 0.0, newest.attempt if newest else 1, merged)
            elapsed += record.step_seconds
            records.append(msgspec.structs.replace(record, elapsed_seconds=elapsed))
    return records


def _tally(epoch: int, batches: dict[int, BatchRecord], events: Iterable[AnyEvent], world_size: int) -> EpochTotals:
    records = [batches[step] for step in sorted(batches)]
    tally = EpochTotals(epoch, len(records), records[-1].attempt, world_size)
    for record in records:
        tally.add(record)
    for event in events:
        if isinstance(event, Validated) and event.epoch == epoch:
            tally.validated(event.loss, event.metrics, event.seconds)
        elif isinstance(event, EpochEnded) and event.epoch == epoch:
            tally.rank_ended(event)
    return tally
