"""What a monitor asks of a run over its control socket: one request, one reply, each a length and msgpack.

Never pickle: both sides decode into these types and refuse the rest.
"""

from __future__ import annotations

import socket
from typing import TypeVar

import msgspec

from ..metrics.commands import Command
from ..metrics.framing import FrameError, FrameReader, frame

MOST_BYTES = 4096
TIMEOUT_SECONDS = 5.0


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What to do, with the token of run.json, which only this user can read."""

    token: str
    command: Command
    value: int = 0
    """The new log interval, for `interval`."""


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """Whether the request was taken; its effect comes through the journal."""

    taken: bool
    reason: str = ""


class ProtocolError(ValueError):
    """The other side does not speak this protocol."""


Message = TypeVar("Message")


def send(connection: socket.socket, message: Request | Reply) -> None:
    """Send one message; raises `OSError`."""
    connection.sendall(frame(msgspec.msgpack.encode(message)))


def receive(connection: socket.socket, kind: type[Message]) -> Message:
    """Receive one message; raises `ProtocolError` or `OSError`."""
    reader = FrameReader(MOST_BYTES)
    try:
        while not (messages := reader.feed(data := connection.recv(MOST_BYTES))):
            if not data:
                raise ProtocolError("the connection ended")
        return msgspec.msgpack.decode(messages[0], type=kind)
    except (msgspec.MsgspecError, FrameError, UnicodeDecodeError) as error:
        raise ProtocolError(str(error)) from error
