"""Makes a CSV file of a run fit to be continued: whole rows only, and none after the resume point."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .backup import free_backup
from .csv_header import read_header

TEXT_COLUMNS = ("status", "finished_at")
"""Every other column holds numbers, or nothing."""

NUMBER = r"(?:-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf))?"
"""A cell that holds a number, or nothing."""
_TEXT = r"[ -+\--~]*"


@dataclass(frozen=True)
class Repair:
    """What was done to a file."""

    first: int
    """Epoch or step of the first row that is kept; 1 if there is none."""
    last: int
    """The same of the last one; 0 if there is none."""
    dropped: int
    """Rows after the resume point."""
    damaged: int
    """Lines that were no row of this file: torn, foreign, or out of order."""
    backup: Path | None
    """The file as it was, if anything had to go."""


def has_columns(path: Path, columns: Sequence[str]) -> bool:
    """Whether a file has these columns, with nothing but values behind them; raises `OSError`."""
    present, _ = read_header(path)
    behind = present[len(columns) :]
    return present[: len(columns)] == list(columns) and not any(name.startswith("val_") for name in behind)


def repair_csv(path: Path, key: str, last: int) -> Repair:
    """Keep the header and the rows whose `key` column is `last` at most; raises `OSError`.

    Rows must ascend in `key`. A file that only loses its end is cut in place, so that ``tail -f`` goes on.
    """
    kept: list[tuple[int, int]] = []
    first = newest = dropped = damaged = 0
    columns, header = read_header(path)
    with path.open("rb") as file:
        file.seek(len(header))
        row = _row_pattern(columns, key)
        partial = "status" in columns  # an epoch that failed at its very end has a row, and is complete by now
        end = len(header)
        kept.append((0, end))
        for line in file:
            start, end = end, end + len(line)
            match = row.fullmatch(line)
            number = int(match[1]) if match else None
            if number is None or (number <= last and number <= newest):
                damaged += 1
            elif number > last or (partial and b",completed," not in line):
                dropped += 1
            else:
                first, newest = first or number, number
                _extend(kept, start, end)
    backup = None
    if dropped or damaged:
        backup = free_backup(path)
        shutil.copy2(path, backup)
        _keep_only(path, kept)
    return Repair(first or 1, newest, dropped, damaged, backup)


def next_part(path: Path) -> Path:
    """The first free name for the rows of a file that has other columns: ``…_part2.csv`` and so on."""
    return next(name for name in _parts(path) if not name.exists())


def parts_of(path: Path) -> list[Path]:
    """`path` itself, whether it exists or not, and its further parts, the newest last."""
    parts = [path]
    for name in _parts(path):
        if not name.exists():
            return parts
        parts.append(name)
    raise AssertionError("the parts of a file never end")


def _parts(path: Path) -> Iterator[Path]:
    number = 2
    while True:
        yield path.with_name(f"{path.stem}_part{number}{path.suffix}")
        number += 1


def _row_pattern(columns: list[str], key: str) -> re.Pattern[bytes]:
    """A whole row; its only group is the key."""
    cells = [
        r"([1-9]\d{0,17})" if column == key else _TEXT if column in TEXT_COLUMNS else NUMBER for column in columns
    ]
    return re.compile((",".join(cells) + "\n").encode())


def _extend(kept: list[tuple[int, int]], start: int, end: int) -> None:
    if kept[-1][1] == start:
        kept[-1] = (kept[-1][0], end)
    else:
        kept.append((start, end))


def _keep_only(path: Path, kept: list[tuple[int, int]]) -> None:
    if len(kept) == 1:
        os.truncate(path, kept[0][1])
        return
    temporary = path.with_name(path.name + ".tmp")
    with path.open("rb") as old, temporary.open("wb") as new:
        for start, end in kept:
            old.seek(start)
            new.write(old.read(end - start))
        new.flush()
        os.fsync(new.fileno())
    temporary.replace(path)
