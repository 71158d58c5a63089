"""Whether a MetaImage (.mha, .mhd) is whole. Its library shows half of one whose packed pixels are damaged."""

from __future__ import annotations

import zlib
from pathlib import Path

META_IMAGE = (".mha", ".mhd")
LAST_KEY = "elementdatafile"
ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
BLOCK = 1 << 20


def check_whole(path: Path, size: int) -> None:
    """Raises OSError unless the pixels of a MetaImage are `size` bytes."""
    fields, behind = _header_of(path)
    data = fields[LAST_KEY]
    if data.upper() == "LOCAL":
        data, start = path.name, behind
    else:
        start = max(0, int(fields.get("headersize", "0")))
    if "%" in data or data.upper().startswith("LIST"):  # a file for each slice, which have sizes of their own
        return
    packed = fields.get("compresseddata", "").lower() == "true"
    there = (_unpacked if packed else _left)(path.parent / data, start)
    if there < size:
        raise OSError(f"the file is truncated: {there} of {size} bytes of pixels")


def _header_of(path: Path) -> tuple[dict[str, str], int]:
    """Its lines, with keys in small letters, and where they end."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while LAST_KEY not in fields:
            line = file.readline(BLOCK)
            if not line:
                raise OSError("the file is truncated in its header")
            key, _, value = line.decode("latin-1").partition("=")
            fields[key.strip().lower()] = value.strip()
        return fields, file.tell()


def _left(path: Path, start: int) -> int:
    return path.stat().st_size - start


def _unpacked(path: Path, start: int) -> int:
    """Bytes that unpacking gives; raises OSError where it cannot go on or its checksum is wrong."""
    unpacking, count = zlib.decompressobj(ZLIB_OR_GZIP), 0
    with path.open("rb") as file:
        file.seek(start)
        try:
            while not unpacking.eof and (block := file.read(BLOCK)):
                count += len(unpacking.decompress(block))
        except zlib.error as error:
            raise OSError(f"its packed pixels are damaged: {error}") from error
    return count
