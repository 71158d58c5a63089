"""The journal: an append-only file of records, the one source for every watcher of a run.

Each record is its length and its CRC-32 (4 bytes each, little-endian) and that many bytes of msgpack. Readers never
lock: a torn record at the end is simply the end so far. What is damaged is stepped over, up to the next place
where length, checksum and type agree.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from ..framing import LENGTH_AND_CHECKSUM as HEAD
from ..records import AnyRecord
from ..texts import encode_anyhow
from .journal_file import JournalFile

MOST_BYTES = 1 << 20
"""Of one record: a longer one is damage."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AnyRecord)


def encode_record(record: AnyRecord) -> bytes:
    """One record with its length and checksum in front."""
    body = encode_anyhow(_encoder, record)
    return HEAD.pack(len(body), zlib.crc32(body)) + body


class JournalReader:
    """Reads a journal from the front, and later what has been added since."""

    def __init__(self, journal: Path | JournalFile) -> None:
        """Open the journal, or read a `file` that is open; raises `OSError`."""
        self.offsets: list[int] = []
        """Where the records of the last `read` begin in the file."""
        self.position = 0
        """Where the next record begins."""
        self.damaged = 0
        """Bytes that were stepped over."""
        self.file = journal if isinstance(journal, JournalFile) else JournalFile(journal)
        """Its readers may share it."""
        self._known = b""
        self._known_at = 0

    def read(self, most_bytes: int = 1 << 22) -> list[AnyRecord]:
        """The next records of at most `most_bytes` (but one at least), [] at the present end."""
        records: list[AnyRecord] = []
        self.offsets = []
        while True:
            before = self.position
            data = self.file.pread(most_bytes, before)
            self._take_whole(data, records)
            if records or len(data) < most_bytes:
                return records
            if self.position == before:  # one record is longer than what was read
                most_bytes = MOST_BYTES + HEAD.size

    def read_rest(self) -> list[AnyRecord]:
        """All that is left of a journal that nobody writes to: a torn record may lie in its middle."""
        records: list[AnyRecord] = []
        while True:
            while more := self.read():
                records += more
            tail = self.file.pread(MOST_BYTES + HEAD.size, self.position)
            place = _find_record(tail, 1)
            if place is None:
                return records
            self.damaged += place
            self.position += place

    def seek(self, offset: int) -> None:
        """Go on at a record that begins at `offset`."""
        self.position = offset

    @property
    def stands(self) -> bool:
        """Whether the newest record that was read is still where it was."""
        return self.file.holds(self._known, self._known_at)

    def follow(self) -> bool:
        """Go on in the file that has the journal's name now; False if what was read is not in it any more."""
        return self.file.follow(self._known, self._known_at)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _take_whole(self, data: bytes, records: list[AnyRecord]) -> None:
        """Decode the records that `data` holds whole, and move behind them."""
        start, base = 0, self.position
        while len(data) - start >= HEAD.size:
            length, checksum = HEAD.unpack_from(data, start)
            end = start + HEAD.size + length
            if length <= MOST_BYTES and end > len(data):
                break
            record = _decoded(data[start + HEAD.size : end], checksum) if length <= MOST_BYTES else None
            if record is None:
                good = _next_start(data, start + 1)
                self.damaged += good - start
                start = good
                continue
            records.append(record)
            self.offsets.append(base + start)
            self._known, self._known_at = data[start : start + HEAD.size], base + start
            start = end
        self.position = base + start


def _next_start(data: bytes, start: int) -> int:
    """Where the next whole record begins, else the first place where a torn one might."""
    place = _find_record(data, start)
    if place is not None:
        return place
    for place in range(start, len(data) - HEAD.size + 1):
        length, _ = HEAD.unpack_from(data, place)
        if 0 < length <= MOST_BYTES and place + HEAD.size + length > len(data):
            return place
    return max(start, len(data) - HEAD.size + 1)


def _find_record(data: bytes, start: int) -> int | None:
    """The first place from `start` on where a whole and good record begins."""
    for place in range(start, len(data) - HEAD.size + 1):
        length, checksum = HEAD.unpack_from(data, place)
        end = place + HEAD.size + length
        if 0 < length <= MOST_BYTES and end <= len(data) and _decoded(data[place + HEAD.size : end], checksum):
            return place
    return None


def _decoded(body: bytes, checksum: int) -> AnyRecord | None:
    if zlib.crc32(body) != checksum:
        return None
    try:
        record: AnyRecord = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return record
