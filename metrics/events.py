"""What a rank tells the recorder. One event, one fact; plain numbers and strings, never a tensor.

Events travel as msgpack lists (``encode_events`` / ``decode_events``), several to a message, in the order in
which the rank made them. ``at`` is `time.monotonic()` of the rank's host, in seconds.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from .texts import encode_anyhow


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of all events: every one tells which rank it comes from."""

    rank: int


class Hello(Event, frozen=True, tag="hello"):
    """The first word of a rank: its process runs."""

    pid: int


class Introduced(Event, frozen=True, tag="introduced"):
    """What a rank of somebody else's training knows of itself, after its `Hello`."""

    world_size: int
    device: str
    """`cpu` or `cuda:0`, and so on; empty if it does not know yet."""


class Planned(Event, frozen=True, tag="planned"):
    """How long somebody else's training will be, as far as it knows; by rank 0."""

    epochs: int
    """`UNKNOWN` if it does not know. The same for the steps."""
    steps: int


class EpochBegan(Event, frozen=True, tag="epoch"):
    """The rank entered an epoch (1-based)."""

    epoch: int
    batches: int
    """Training batches in this epoch, the same on every rank; `UNKNOWN` for a stream without length."""
    val_batches: int
    """Validation batches after it; 0 without validation, `UNKNOWN` for a stream without length."""


class EpochTrained(Event, frozen=True, tag="epoch_trained"):
    """The last training batch of an epoch is done, and there were not as many as `EpochBegan` told; by rank 0."""

    epoch: int
    batches: int
    val_batches: int


class BatchEvent(Event, frozen=True, tag="batch"):
    """One rank's batch, training only."""

    epoch: int
    batch: int
    """0-based in the epoch, as printed."""
    step: int
    """1-based over the whole run."""
    loss: float
    """Mean over this rank's samples; may be nan or inf."""
    lr: float
    """nan if the training does not tell it."""
    samples: int
    """0 if the training does not tell them."""
    step_seconds: float
    """From the end of the batch before to the end of this one, the wait for data included."""
    data_wait_seconds: float
    """Time inside `next()` of the data loader."""
    busy_seconds: float
    """From the end of the batch before to the start of backward, on the host: what the rank did before it had to
    wait for the others. It is the whole step if the loop does not tell when backward starts."""
    at: float


class BatchValues(Event, frozen=True, tag="values"):
    """The named values of a batch; it comes before the `BatchEvent` of the same rank and step."""

    step: int
    values: dict[str, float]
    how: dict[str, str] = {}
    """How a value is merged over the ranks, if not as the loss is: `sum` or `last`."""


class BatchesDropped(Event, frozen=True, tag="dropped"):
    """The rank's buffer was full, because the recorder did not read; these batches are lost."""

    count: int


class Validated(Event, frozen=True, tag="validated"):
    """Validation over all ranks, weighted by samples; sent by rank 0."""

    epoch: int
    loss: float
    metrics: tuple[float, ...]
    """In the order of the task's `metric_names`."""
    seconds: float


class ValidatedAt(Event, frozen=True, tag="validated_at"):
    """A validation at any time of somebody else's training; by rank 0."""

    epoch: int
    """The newest one that has begun; 0 before the first."""
    step: int
    """Batches done over the whole run."""
    loss: float | None
    values: dict[str, float]
    seconds: float


class ValidationFailed(Event, frozen=True, tag="validation_failed"):
    """Validation failed on this rank, and training goes on without it."""

    epoch: int
    step: int
    """Batches done over the whole run."""
    reason: str


class EpochEnded(Event, frozen=True, tag="epoch_end"):
    """The rank left an epoch, validation done; a checkpoint may follow."""

    epoch: int
    status: str
    """`completed` or `stopped`."""
    train_seconds: float
    epoch_seconds: float
    """Training and validation."""


class Saved(Event, frozen=True, tag="saved"):
    """A checkpoint is on the disk; sent by rank 0."""

    kind: str
    """`last` or `best`."""
    seconds: float


class SaveFailed(Event, frozen=True, tag="save_failed"):
    """A checkpoint could not be written; the one before it is untouched and training goes on."""

    kind: str
    reason: str


class CommandTaken(Event, frozen=True, tag="command"):
    """A command took effect at the same batch on all ranks; sent by rank 0."""

    command: str
    epoch: int
    batch: int
    """Batches of the epoch that were done by then."""


class Standing(Event, frozen=True, tag="standing"):
    """The answer of a rank that listens to a question of the run process: it waits behind `step` to hear more."""

    number: int
    """Of the question."""
    step: int
    done: int
    """Batches that the rank has told by then."""
    world_size: int
    """Of the training, as far as the rank knows."""


class Warned(Event, frozen=True, tag="warned"):
    """Something that a rank of somebody else's training wants to be said once."""

    kind: str
    """Key of a text of the catalogue."""
    fields: dict[str, str | int | float]
    level: Literal["info", "warning"] = "warning"


class RankFailed(Event, frozen=True, tag="failed"):
    """The last word of a rank that raised."""

    error: str
    """Name of the exception's class."""
    message: str
    traceback: str
    at: float
    kind: str = "failed_raised"
    """Key of the text of the catalogue that tells it."""
    epoch: int = 0
    """Whose validation failed; 0 if it was something else."""
    hint: str = ""
    """Key of a text that says what to do about it; empty if there is none."""
    victim: str = ""
    """Not empty when it only tells of another rank: `lost` if that one is gone, `waited` if it does not come."""


class Finished(Event, frozen=True, tag="finished"):
    """The last word of a rank that did all it should. Without it an exit code of 0 is a failure."""

    status: str
    """`finished` or `stopped`."""
    left_over: bool = False
    """Its task has started threads or processes that Python waits for, and that have not ended."""


AnyEvent: TypeAlias = (
    Hello
    | Introduced
    | EpochBegan
    | EpochTrained
    | BatchEvent
    | BatchValues
    | BatchesDropped
    | Planned
    | Validated
    | ValidatedAt
    | ValidationFailed
    | EpochEnded
    | Saved
    | SaveFailed
    | CommandTaken
    | Standing
    | Warned
    | RankFailed
    | Finished
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[AnyEvent])


def encode_events(events: list[AnyEvent]) -> bytes:
    """The events as one message."""
    return encode_anyhow(_encoder, events)


def decode_events(message: bytes) -> list[AnyEvent]:
    """The events of one message; raises `msgspec.DecodeError` for anything else."""
    try:
        return _decoder.decode(message)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from error
