"""The journal: an append-only file of records, the one source for every watcher of a run.

Each record is its length (4 bytes, little-endian) and that many bytes of msgpack. Readers never lock: a torn
record at the end is simply the end so far.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec

from .records import AnyRecord

_LENGTH = struct.Struct("<I")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AnyRecord)


class JournalError(ValueError):
    """A whole record of the journal is not what it should be."""


def encode_record(record: AnyRecord) -> bytes:
    """One record with its length in front."""
    body = _encoder.encode(record)
    return _LENGTH.pack(len(body)) + body


class JournalReader:
    """Reads a journal from the front, and later what has been added since."""

    def __init__(self, path: Path) -> None:
        self.offsets: list[int] = []
        """Where the records of the last `read` begin in the file."""
        self._file = path.open("rb")
        self._tail = b""
        self._position = 0

    def read(self, most_bytes: int = 1 << 22) -> list[AnyRecord]:
        """The next records, [] at the present end; raises `JournalError` for a damaged one."""
        data = self._tail + self._file.read(most_bytes)
        records: list[AnyRecord] = []
        self.offsets = []
        start = 0
        while len(data) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, start)
            end = start + _LENGTH.size + length
            if end > len(data):
                break
            try:
                records.append(_decoder.decode(memoryview(data)[start + _LENGTH.size : end]))
            except msgspec.MsgspecError as error:
                raise JournalError(f"{self._file.name}: {error}") from error
            self.offsets.append(self._position + start)
            start = end
        self._tail = data[start:]
        self._position += start
        return records

    def seek(self, offset: int) -> None:
        """Go on at a record that begins at `offset`."""
        self._file.seek(offset)
        self._tail = b""
        self._position = offset

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._file.close()
