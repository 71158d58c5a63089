"""What a watcher knows of a run: its journal, record by record, folded into a state that can be drawn."""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path

import msgspec

from .anomalies.stragglers import StragglerWatch
from .best import Judge
from .downsample import Downsampled
from .eta import Eta
from .files.journal import JournalReader
from .line_context import INTERVAL_CHANGED
from .log_rows import LogRows
from .records import (
    AnyRecord,
    BatchRecord,
    EpochStarted,
    EpochSummary,
    Notice,
    RankState,
    RunEnded,
    RunStarted,
    RunTold,
    ValidationRecord,
)
from .value_curves import ValueCurves

RECENT_STEPS = 50
FOLLOW_SECONDS = 0.9
"""Between two looks at whether another file took the journal's name."""


class RunView:
    """The state of one run. `pull` brings it up to date; everything else is there to be read."""

    def __init__(self, journal: Path) -> None:
        """Open `journal`; raises `OSError`."""
        self._reader = JournalReader(journal)
        self.rows = LogRows(self._reader.file)
        self.outdated = False
        """What was read is in the journal no more: only a new view knows what is."""
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.epoch = 0
        self.batches = 0
        self.val_batches = 0
        self.batch: BatchRecord | None = None
        """The newest batch."""
        self.batch_count = 0
        """How many batches there were in all attempts."""
        self.losses = Downsampled()
        self.smoothed = math.nan
        """Moving average of the loss, the newest 20 batches or so."""
        self.values = ValueCurves()
        self.validations: list[tuple[int, float]] = []
        """How many batches were done before each validation, and its loss."""
        self._validated_epoch = 0
        """The epoch of the newest validation that was told by itself; its summary tells it again."""
        self.epochs: list[EpochSummary] = []
        self.best: EpochSummary | None = None
        self.ranks: dict[int, RankState] = {}
        self.told_ranks = 0
        """As many as there were said to be, those included that are not waited for any more."""
        self.stragglers = StragglerWatch()
        self.interval = 1
        self.paused = False
        self.stopping = False
        self.restarting = False
        """An attempt failed, and the next one is on its way."""
        self.nonfinite = 0
        self.spikes = 0
        self.saved_at = 0.0
        """Wall clock of the newest checkpoint; 0 before the first."""
        self.notice: Notice | None = None
        """The newest warning or error."""
        self._followed_at = time.monotonic()
        self._steps: deque[float] = deque(maxlen=RECENT_STEPS)
        self.lost = False
        """Its process is gone without a word, as those who look at it know: no time passes for it any more."""
        self._elapsed = 0.0
        """Of the attempt, when it was last told …"""
        self._elapsed_at = time.monotonic()
        """… and when that was."""
        self._heard_at = self._elapsed_at
        self._heard_of: dict[int, float] = {}
        """When each rank was last heard of, by the clock of this process."""
        self._loaded = False
        """What was there at the beginning has been read."""
        self._eta = Eta(0)
        self._judge = Judge()

    def pull(self, seconds: float) -> bool:
        """Read what is new, for about `seconds` at most. True if there was anything."""
        now = time.monotonic()
        deadline = now + seconds
        changed = False
        if now - self._followed_at >= FOLLOW_SECONDS or not self._reader.stands:
            self._followed_at = now
            self.outdated = not self._reader.follow()
        if self.outdated:
            return False
        self._heard_at = now if self._loaded else now - max(0.0, time.time() - self._reader.file.written_at)
        while records := self._read():
            for record, offset in zip(records, self._reader.offsets, strict=True):
                self.rows.add(record, offset)
                if type(record) is BatchRecord:
                    self._apply_batch(record)
                else:
                    self._apply(record)
            changed = True
            if time.monotonic() >= deadline:
                break
        self._loaded = self._loaded or not records
        return changed

    def _read(self) -> list[AnyRecord]:
        try:
            return self._reader.read(1 << 17)
        except OSError:  # a file server has forgotten the file, or the disk is broken
            self.outdated = True
            return []

    @property
    def behind(self) -> float:
        """The part of the journal that is still to be read, 0 to 1."""
        size = self._reader.file.size
        return 1 - self._reader.position / size if size else 0.0

    @property
    def epoch_part(self) -> float:
        """How much of the epoch's training is done, 0 to 1; nan while its number of batches is unknown."""
        if not self.batches or self.started is None:
            return 0.0
        start = self.started.start
        done = start.batch if start.epoch == self.epoch else 0
        if self.batch is not None and self.batch.epoch == self.epoch:
            done = self.batch.batch + 1
        return done / self.batches if done <= self.batches else math.nan

    @property
    def run_part(self) -> float:
        """How much of the run is done, 0 to 1; nan while neither its epochs nor its steps are known.

        Of an epoch of unknown length, nothing counts before its end.
        """
        if self.started is None:
            return 0.0
        if self.started.epochs < 1:
            return min(1.0, self._step / self.started.steps) if self.started.steps > 0 else math.nan
        if not self.epoch:
            return 0.0
        part = self.epoch_part
        return min(1.0, (self.epoch - 1 + (0.0 if math.isnan(part) else part)) / self.started.epochs)

    @property
    def validating(self) -> bool:
        """All batches of the epoch are done, and its summary is still to come."""
        return bool(self.val_batches) and self.epoch_part >= 1 and not self._epoch_ended

    @property
    def step_seconds(self) -> float:
        """Mean of the newest steps; nan before the first."""
        return sum(self._steps) / len(self._steps) if self._steps else math.nan

    @property
    def elapsed(self) -> float:
        """Seconds since the attempt started, also while its first batch is still to come."""
        if self.ended is not None:
            return self.ended.elapsed_seconds
        if self.started is None or self.lost:
            return self._elapsed
        return self._elapsed + time.monotonic() - self._elapsed_at

    @property
    def rank_numbers(self) -> list[int]:
        """Of all ranks that there are said to be, whether they have told a batch or not."""
        return sorted(self.ranks.keys() | set(range(self.told_ranks)))

    def silent_seconds(self, rank: int) -> float:
        """Since anything was heard of `rank`; 0 when the run has ended."""
        return 0.0 if self.ended is not None else time.monotonic() - self._heard_of.get(rank, self._heard_at)

    @property
    def seconds_left(self) -> float:
        """Until the run ends, validation and checkpoints included; nan while unknown."""
        if self.started is None or self.ended is not None or self.lost:
            return math.nan
        if self.started.epochs < 1:
            done = self._step - self.started.start.step
            return self._eta.seconds_left_by_steps(self._step, done, self._elapsed)
        part = 1.0 if self._epoch_ended else self.epoch_part
        first_epoch = self.batches * self.step_seconds if self.batches > 0 else math.nan
        return self._eta.seconds_left(self.epoch, part, first_epoch)

    def close(self) -> None:
        """Close the journal."""
        self._reader.close()

    @property
    def _epoch_ended(self) -> bool:
        return bool(self.epochs) and self.epochs[-1].epoch == self.epoch

    @property
    def _step(self) -> int:
        """Batches of the run that are done."""
        if self.batch is not None:
            return self.batch.step
        return self.started.start.step if self.started is not None else 0

    def _apply(self, record: AnyRecord) -> None:
        match record:
            case RankState():
                self.ranks[record.rank] = record
                self._heard_of[record.rank] = self._heard_at
                self.stragglers.add(record.rank, record.busy_seconds, record.step_seconds)
            case Notice():
                self._apply_notice(record)
            case RunTold() if self.started is not None:
                self._apply_told(self.started, record)
            case EpochStarted():
                self.epoch, self.batches, self.val_batches = record.epoch, record.batches, record.val_batches
            case EpochSummary():
                self.epochs.append(record)
                if record.status == "completed":
                    self._eta.epoch_done(record.epoch_seconds, record.batches, self.batches)
                if record.val_loss is not None and record.epoch != self._validated_epoch:
                    self.validations.append((self.batch_count, record.val_loss))
                if self._judge.better(record, self.best):
                    self.best = record
            case ValidationRecord():
                self._validated_epoch = record.epoch
                if record.loss is not None:
                    self.validations.append((self.batch_count, record.loss))
            case RunStarted():
                self._begin_attempt(record)
            case RunEnded(state="restarting"):
                self.restarting = True
            case RunEnded():
                self.ended = record

    def _apply_told(self, started: RunStarted, told: RunTold) -> None:
        self.started = msgspec.structs.replace(started, **msgspec.structs.asdict(told))
        self.told_ranks = max(self.told_ranks, told.world_size)
        self._eta.epochs, self._eta.steps = told.epochs, told.steps
        self.values.name(told.value_names, self.batch_count)

    def _begin_attempt(self, started: RunStarted) -> None:
        """Forget what came after the point where the new attempt begins: it is done again."""
        start = started.start
        self.started, self.ended = started, None
        self.interval = started.log_interval
        self.epoch, self.batch = start.epoch if start.step else 0, None
        self.epochs = [epoch for epoch in self.epochs if epoch.epoch < start.epoch]
        self._judge = Judge(started)
        self.best = self._judge.best(self.epochs)
        self._eta = Eta(started.epochs, started.steps)
        self._validated_epoch = 0
        self.values.name(started.value_names, self.batch_count)
        for epoch in self.epochs:
            self._eta.epoch_done(epoch.epoch_seconds, epoch.batches, epoch.batches)
        self.paused = self.stopping = self.restarting = False
        self.ranks.clear()
        self.told_ranks = started.world_size
        self._heard_of.clear()
        # What was there at the beginning may be a run whose first batch takes minutes.
        self._tell_elapsed(0.0 if self._loaded else max(0.0, self._reader.file.written_at - started.at))
        self.stragglers = StragglerWatch()
        self._steps.clear()

    def _apply_batch(self, record: BatchRecord) -> None:
        self.batch = record
        self.batch_count += 1
        self._tell_elapsed(record.elapsed_seconds)
        loss = record.loss
        self.losses.add(loss)
        self.values.add(record.values)
        self._steps.append(record.step_seconds)
        if math.isfinite(loss):
            self.smoothed = loss if math.isnan(self.smoothed) else 0.9 * self.smoothed + 0.1 * loss
        else:
            self.nonfinite += 1

    def _tell_elapsed(self, seconds: float) -> None:
        self._elapsed, self._elapsed_at = seconds, self._heard_at

    def _apply_notice(self, notice: Notice) -> None:
        if notice.level != "info":
            self.notice = notice
        match notice.kind:
            case "spike":
                self.spikes += 1
                self.losses.mark_spike()
            case "saved_last" | "saved_best":
                self._eta.saved(float(notice.fields.get("seconds", 0.0)))
                if notice.kind == "saved_last":
                    self.saved_at = notice.at
            case "pause_taken":
                self.paused = True
            case "resume_taken":
                self.paused = False
            case "stop_asked" | "stop_after_epoch_asked":
                self.stopping = True
            case kind if kind == INTERVAL_CHANGED:
                self.interval = int(notice.fields["interval"])
