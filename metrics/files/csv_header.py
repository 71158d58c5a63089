"""The header of a CSV file, quoted as RFC 4180 has it: the name of a metric may hold a comma, or a line break."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

MOST_BYTES = 1 << 16
"""Of a header; a longer one is none."""


def header_line(columns: Sequence[str]) -> str:
    """The header with these columns; only what needs quotes has them."""
    return ",".join(map(_quoted, columns)) + "\n"


def read_header(path: Path) -> tuple[list[str], bytes]:
    """The columns of a file, and the bytes that its header takes; no columns if it has no whole header.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        start = file.read(MOST_BYTES)
    end = _end_of_header(start)
    header = start[:end]
    text = header.decode("utf-8", "replace").strip("\ufeff\r\n")
    return (next(csv.reader(io.StringIO(text, newline="")), []), header) if end else ([], b"")


def _quoted(column: str) -> str:
    if any(character in column for character in ',"\r\n'):
        return '"' + column.replace('"', '""') + '"'
    return column


def _end_of_header(start: bytes) -> int:
    """Behind the first line break outside of quotes; that of the first line if the quotes never end; 0 for none."""
    place = -1
    while (place := start.find(b"\n", place + 1)) >= 0:
        if start.count(b'"', 0, place) % 2 == 0:
            return place + 1
    return start.find(b"\n") + 1
