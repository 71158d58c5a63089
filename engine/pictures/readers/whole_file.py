"""Whether the pixels of a MetaImage or an NRRD are whole.

ITK shows half of a MetaImage whose packed pixels are damaged, and looks at no checksum of either.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

META_IMAGE = (".mha", ".mhd")
NRRD = (".nrrd", ".nhdr")
ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
BLOCK = 1 << 20


@dataclass(frozen=True)
class _Pixels:
    """Where they are."""

    path: Path
    start: int
    packed: bool


def check_whole(path: Path, size: int) -> None:
    """Raises OSError unless the pixels of a file in one of these formats are `size` bytes."""
    suffix = path.suffix.lower()
    pixels = _of_meta_image(path) if suffix in META_IMAGE else _of_nrrd(path) if suffix in NRRD else None
    if pixels is None:
        return
    there = _unpacked(pixels) if pixels.packed else pixels.path.stat().st_size - pixels.start
    if there < size:
        raise OSError(f"the file is truncated: {there} of {size} bytes of pixels")


def _of_meta_image(path: Path) -> _Pixels | None:
    """None if each slice has a file of its own."""
    fields, behind = _header_of(path, "=", last="elementdatafile")
    data, packed = fields["elementdatafile"], fields.get("compresseddata", "").lower() == "true"
    if data.upper() == "LOCAL":
        return _Pixels(path, behind, packed)
    if "%" in data or data.upper().startswith("LIST"):
        return None
    return _Pixels(path.parent / data, max(0, int(fields.get("headersize", "0"))), packed)


def _of_nrrd(path: Path) -> _Pixels | None:
    """None if each slice has a file of its own, or the numbers are text."""
    fields, behind = _header_of(path, ":", last="")
    encoding = fields.get("encoding", "").lower()
    data = fields.get("data file", fields.get("datafile"))
    if encoding not in ("raw", "gz", "gzip") or "line skip" in fields or "byte skip" in fields:
        return None
    if data is None:
        return _Pixels(path, behind, encoding != "raw")
    if "%" in data or data.upper().startswith("LIST"):
        return None
    return _Pixels(path.parent / data, 0, encoding != "raw")


def _header_of(path: Path, separator: str, *, last: str) -> tuple[dict[str, str], int]:
    """Its lines, by keys in small letters, up to the key `last`; and where they end."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while last not in fields:
            line = file.readline(BLOCK)
            if not line:
                break  # of an NRRD whose pixels are in another file
            key, _, value = line.decode("latin-1").partition(separator)
            fields[key.strip().lower()] = value.strip()
        return fields, file.tell()


def _unpacked(pixels: _Pixels) -> int:
    """Bytes that unpacking gives; raises OSError where it cannot go on or the checksum is wrong."""
    unpacking, count = zlib.decompressobj(ZLIB_OR_GZIP), 0
    with pixels.path.open("rb") as file:
        file.seek(pixels.start)
        try:
            while not unpacking.eof and (block := file.read(BLOCK)):
                count += len(unpacking.decompress(block))
        except zlib.error as error:
            raise OSError(f"its packed pixels are damaged: {error}") from error
    return count
