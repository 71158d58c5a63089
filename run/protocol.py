"""What a monitor asks of a run over its control socket: one request, one reply, each a length and msgpack.

Never pickle: both sides decode into these types and refuse the rest.
"""

from __future__ import annotations

import socket
import struct
from typing import Literal, TypeVar

import msgspec

MOST_BYTES = 4096
TIMEOUT_SECONDS = 5.0
_LENGTH = struct.Struct("<I")

Asked = Literal["pause", "resume", "save", "stop", "stop_after_epoch", "stacks", "interval"]


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What to do, with the token of run.json, which only this user can read."""

    token: str
    command: Asked
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
    body = msgspec.msgpack.encode(message)
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket, kind: type[Message]) -> Message:
    """Receive one message; raises `ProtocolError` or `OSError`."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > MOST_BYTES:
        raise ProtocolError(f"{length} bytes are too many")
    try:
        return msgspec.msgpack.decode(_exactly(connection, length), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProtocolError(str(error)) from error


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ProtocolError("the connection ended")
        data += more
    return data
