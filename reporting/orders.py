"""What the run process wants of ranks that listen, and how they come to do it after the same step.

The run process asks each rank where it stands. A rank answers with the step that it will not pass before it hears
more, and the run process tells all of them the furthest of these steps: there they do what was asked. No collective
is used and every wait is bounded, so a training in which one rank reports less often than another is never held up.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..metrics.commands import Command


class Order(msgspec.Struct, frozen=True, array_like=True):
    """One message of the run process."""

    kind: Literal["ask", "do", "drop", "tell"]
    """`ask` where the rank stands; `do` it after `step`; `drop` the question; `tell` rank 0 alone, as the others
    do not report."""
    number: int
    """Of the question; 0 where nothing has to be agreed on."""
    command: Command
    step: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Order)


def encode_order(order: Order) -> bytes:
    """The order as one message."""
    return _encoder.encode(order)


def decode_order(message: bytes) -> Order:
    """The order of one message; raises `msgspec.MsgspecError` for anything else."""
    return _decoder.decode(message)
