"""What is asked of a run process that a training starts by itself, and what it answers."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from ...log.language import Language
from ..socket_channel import Address

Told = TypeVar("Told", bound=msgspec.Struct)


class LoopConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The training of somebody's own loop, as `init` was told."""

    name: str
    epochs: int
    """`UNKNOWN` if nobody knows; the same for the steps."""
    steps: int
    output_dir: str
    """Absolute; empty where there is none, and then nobody can record."""
    resume: str
    """Id, beginning or path of the run to go on with; empty for a new one."""
    step: int
    """Where it goes on; `UNKNOWN` for behind its newest batch."""
    log_batch_metrics: bool
    lang: Language
    pid: int
    """Of the process that asks."""


class Joined(msgspec.Struct, frozen=True):
    """The run that a training reports to, and where in it the training begins."""

    run_id: str
    address: Address
    epoch: int = 1
    batch: int = 0
    """Batches of the epoch that are done."""
    step: int = 0
    """Batches of the run that are done."""


class Answer(msgspec.Struct, frozen=True):
    """What the run process says to the process that started it."""

    joined: Joined | None = None
    usage: str = ""
    """A mistake of the user, as one line."""
    unable: str = ""
    """Why nothing can be recorded, which is no mistake in the script."""


def encode_told(told: msgspec.Struct) -> bytes:
    """As JSON in one line. Paths may be no text, which msgspec's own encoder does not take."""
    return json.dumps(msgspec.to_builtins(told)).encode()


def decode_told(data: bytes, kind: type[Told]) -> Told:
    """What `encode_told` made bytes of; raises `ValueError` or `msgspec.MsgspecError` for all else."""
    return msgspec.convert(json.loads(data), kind)
