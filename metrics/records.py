"""What is known of a run once its ranks are merged: the records that files, console and watchers share."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

UNKNOWN = -1
"""A total that nobody knows."""


def shown_total(total: int) -> int | str:
    """A total as it is shown: a question mark if nobody knows it."""
    return total if total > 0 else "?"


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of everything the journal holds."""


class Start(Record, frozen=True):
    """The point of a run at which an attempt begins."""

    epoch: int = 1
    batch: int = 0
    """Batches of the epoch that are done; may be all of them."""
    step: int = 0
    """Batches done over the whole run."""


class RunStarted(Record, frozen=True, tag="run"):
    """The first record of every attempt."""

    run_id: str
    attempt: int
    task: str
    epochs: int
    world_size: int
    device: str
    backend: str
    log_interval: int
    metric_names: tuple[str, ...]
    at: float
    """Wall clock, seconds since 1970."""
    start: Start = Start()
    """Where the attempt begins. What earlier attempts recorded after this point is void."""
    score: str = ""
    """Which of `metric_names` the best epoch is judged by, higher being better; empty for the lowest loss."""
    value_names: tuple[str, ...] = ()
    """Names of the values of a batch beside its loss, as far as they are known, in the order in which they came."""
    steps: int = UNKNOWN
    """Batches of the whole run, where they are told instead of the epochs."""


class RunTold(Record, frozen=True, tag="run_told"):
    """What the ranks have told of the run by now; it replaces what `RunStarted` or an earlier one says of it."""

    world_size: int
    device: str
    """`cpu`, `cuda` and so on; empty while unknown."""
    epochs: int
    steps: int
    metric_names: tuple[str, ...]
    value_names: tuple[str, ...]


class EpochStarted(Record, frozen=True, tag="epoch_start"):
    """All ranks entered an epoch; again when its number of batches became known only later."""

    epoch: int
    batches: int
    """Of training; `UNKNOWN` for a stream without length."""
    val_batches: int
    """0 without validation; `UNKNOWN` for a stream without length."""


class BatchRecord(Record, frozen=True, tag="batch"):
    """One batch, merged over its ranks."""

    epoch: int
    batch: int
    step: int
    loss: float
    """Mean over the samples of all ranks."""
    lr: float
    min_rank_loss: float
    max_rank_loss: float
    step_seconds: float
    """What the batch took: the largest value of all ranks."""
    data_wait_seconds: float
    """What the batch lost waiting for data: the largest value of all ranks."""
    samples: int
    """Over all ranks; 0 if one of them does not know its own."""
    elapsed_seconds: float
    """Since the attempt started."""
    attempt: int
    values: tuple[float | None, ...] = ()
    """In the order of the run's `value_names`; None for one that this batch does not have, as for those left out
    at the end."""


class ValidationRecord(Record, frozen=True, tag="validation"):
    """A validation at any time of a run that is not ours."""

    epoch: int
    batch: int
    """Batches of the epoch that were done by then. The same for the steps of the run."""
    step: int
    loss: float | None
    metrics: tuple[float | None, ...]
    """As `EpochSummary.val_metrics`."""
    seconds: float
    at: float
    """Wall clock, seconds since 1970."""


class EpochSummary(Record, frozen=True, tag="epoch_end"):
    """One epoch; a partial one has status `stopped` or `failed`."""

    epoch: int
    avg_loss: float
    """Mean over all samples of all ranks, or over all batches if one does not know its samples; not finite if one
    batch was not."""
    min_batch_loss: float
    """Over the finite batches; nan if there is none. This holds for the maximum too."""
    max_batch_loss: float
    lr: float
    """Learning rate of the last step."""
    epoch_seconds: float
    """Training and validation."""
    eta_hours: float
    """Time left for the rest of the run, validation and checkpoints included."""
    val_loss: float | None
    samples: int
    """0 if they are not known."""
    samples_per_second: float
    """While training, validation not counted; nan if the samples are not known."""
    data_wait_seconds: float
    nonfinite_batches: int
    world_size: int
    attempt: int
    status: str
    """`completed`, `stopped` or `failed`."""
    finished_at: float
    """Wall clock, seconds since 1970."""
    val_metrics: tuple[float | None, ...]
    """In the order of the run's `metric_names`; empty without validation, None for one that was not computed."""
    val_seconds: float
    batches: int
    """Batches done."""
    values: tuple[float | None, ...] = ()
    """Means over the batches that have the value, weighted as the loss is; in the order of `BatchRecord.values`."""

    @property
    def loss(self) -> float:
        """Of the validation, else of the training."""
        return self.avg_loss if self.val_loss is None else self.val_loss


class Notice(Record, frozen=True, tag="notice"):
    """Something worth a line of its own. `kind` and `fields` name a text of the catalogue."""

    kind: str
    level: str
    """`info`, `warning` or `error`."""
    fields: dict[str, str | int | float]
    epoch: int = 0
    batch: int = 0
    at: float = 0.0
    """Wall clock, seconds since 1970."""


class RankState(Record, frozen=True, tag="rank"):
    """The newest batch of one rank, a few times a second."""

    rank: int
    step: int
    loss: float
    step_seconds: float
    data_wait_seconds: float
    busy_seconds: float
    """What the rank did before it had to wait for the others; the slowest rank has the largest."""
    at: float
    """Wall clock of the recorder, seconds since 1970."""


class RunEnded(Record, frozen=True, tag="run_end"):
    """The last record of an attempt; without it the run still goes on, or was lost."""

    state: str
    """`finished`, `stopped`, `failed`, or `restarting` when another attempt follows a failed one."""
    reason: str
    """What failed, as text of one or more lines; empty if nothing did."""
    epochs_done: int
    best_epoch: int
    """0 if no epoch has a finite score."""
    best_score: float
    elapsed_seconds: float
    at: float
    best_metric: str = ""
    """What `best_score` is of; empty for a loss."""


AnyRecord: TypeAlias = (
    RunStarted
    | RunTold
    | EpochStarted
    | BatchRecord
    | ValidationRecord
    | EpochSummary
    | Notice
    | RankState
    | RunEnded
)
