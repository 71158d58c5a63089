"""Going on with a run that somebody's own loop began: which one, and where in it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..errors import UsageError
from ..metrics.files.journal import JournalReader
from ..metrics.records import (
    UNKNOWN,
    AnyRecord,
    BatchRecord,
    EpochStarted,
    EpochSummary,
    RunStarted,
    RunTold,
    Start,
)
from ..reporting.api.joined import LoopConfig
from .registry import find_run
from .resume import check_gone
from .run_folder import RunFolder


@dataclass(frozen=True)
class EarlierLoop:
    """A run as its earlier attempts left it."""

    folder: RunFolder
    config: LoopConfig
    """What is asked for now, with what the run had where nothing is said."""
    attempt: int
    """Number of the last one."""
    start: Start
    metric_names: tuple[str, ...]
    value_names: tuple[str, ...]
    elsewhere: bool
    """The last one went on under another kernel when it was last heard of."""


def find_earlier(config: LoopConfig) -> EarlierLoop:
    """The run that `config.resume` names; raises `UsageError` when it goes on, or is of another kind."""
    run = find_run(config.resume)
    check_gone(run, take_over=False)
    if run.content.get("kind") != "loop":
        raise UsageError("resume_not_loop", run=run.run_id)
    try:
        had = msgspec.convert(run.content["config"], _Config)
        attempt = msgspec.convert(run.content["attempt"], int)
        past = _Past(run.folder.journal)
    except (KeyError, msgspec.ValidationError) as error:
        raise UsageError("resume_damaged", path=str(run.folder.private), reason=str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError("no_journal", path=str(run.folder.journal), reason=reason) from error
    told = msgspec.structs.replace(
        config,
        epochs=had.epochs if config.epochs == UNKNOWN else config.epochs,
        steps=had.steps if config.steps == UNKNOWN else config.steps,
        log_batch_metrics=config.log_batch_metrics or had.log_batch_metrics,
    )
    start = past.start_behind(config.step)
    elsewhere = run.elsewhere and not run.ended
    return EarlierLoop(run.folder, told, attempt, start, past.metric_names, past.value_names, elsewhere)


class _Config(msgspec.Struct):
    """What run.json keeps of a `LoopConfig`."""

    epochs: int = UNKNOWN
    steps: int = UNKNOWN
    log_batch_metrics: bool = False


class _Past:
    """Which batches the journal has, and to which epoch each belongs."""

    def __init__(self, journal: Path) -> None:
        """Raises `OSError`."""
        self.metric_names: tuple[str, ...] = ()
        self.value_names: tuple[str, ...] = ()
        self._steps, self._epochs, self._batches = array("q"), array("q"), array("q")
        self._lengths: dict[int, int] = {}
        """Batches of an epoch, as far as they are known."""
        reader = JournalReader(journal)
        while records := reader.read():
            self._add(records)
        self._add(reader.read_rest())
        reader.close()

    def start_behind(self, step: int) -> Start:
        """Where the run goes on behind `step`; behind its newest batch if that is `UNKNOWN`.

        Epochs of which nothing was recorded are taken to be as long as the one before them.
        """
        place = len(self._steps) if step == UNKNOWN else bisect_right(self._steps, step)
        epoch, newest, batches = 1, 0, 0
        if place:
            epoch, newest, batches = self._epochs[place - 1], self._steps[place - 1], self._batches[place - 1] + 1
        step = newest if step == UNKNOWN else step
        done = batches + step - newest
        length = self._lengths.get(epoch, UNKNOWN)
        if length <= 0:
            return Start(epoch, done, step)
        return Start(epoch + done // length, done % length, step)

    def _add(self, records: list[AnyRecord]) -> None:
        for record in records:
            match record:
                case BatchRecord():
                    self._cut(record.step - 1)
                    self._steps.append(record.step)
                    self._epochs.append(record.epoch)
                    self._batches.append(record.batch)
                case EpochStarted():
                    self._lengths[record.epoch] = record.batches
                case EpochSummary(status="completed"):
                    self._lengths[record.epoch] = self._batches[-1] + 1 if self._batches else record.batches
                case RunStarted():
                    self._cut(record.start.step)
                    self.metric_names, self.value_names = record.metric_names, record.value_names
                case RunTold():
                    self.metric_names, self.value_names = record.metric_names, record.value_names

    def _cut(self, step: int) -> None:
        """What is recorded behind `step` is done again."""
        if self._steps and self._steps[-1] > step:
            place = bisect_right(self._steps, step)
            del self._steps[place:], self._epochs[place:], self._batches[place:]
