"""How one message is told from the next, on a pipe, on a socket and in a file: its length stands in front."""

from __future__ import annotations

import struct

LENGTH = struct.Struct("<I")
LENGTH_AND_CHECKSUM = struct.Struct("<II")
"""In front of a record of a file, which may be damaged: its length and its CRC-32."""


class FrameError(ValueError):
    """A message claims to be longer than any that is sent."""


def frame(body: bytes) -> bytes:
    """A message with its length in front."""
    return LENGTH.pack(len(body)) + body


class FrameReader:
    """Puts messages together from the bytes that come, however they are cut."""

    def __init__(self, most_bytes: int | None = None) -> None:
        """A message may have `most_bytes`; None for no limit, where the sender is one of us."""
        self._most_bytes = most_bytes
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; the messages that are whole now. Raises `FrameError`."""
        self._bytes += data
        messages = []
        at = 0
        while at + LENGTH.size <= len(self._bytes):
            (length,) = LENGTH.unpack_from(self._bytes, at)
            if self._most_bytes is not None and length > self._most_bytes:
                raise FrameError(f"{length} bytes are too many")
            end = at + LENGTH.size + length
            if end > len(self._bytes):
                break
            messages.append(bytes(self._bytes[at + LENGTH.size : end]))
            at = end
        del self._bytes[:at]
        return messages
