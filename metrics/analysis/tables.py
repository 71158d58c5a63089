"""Reads the CSV files of a run, whatever state they are in, and says what had to be left out."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..files.csv_header import read_header
from ..files.csv_repair import NUMBER, TEXT_COLUMNS
from ..files.csv_rows import BATCH_COLUMNS, EPOCH_COLUMNS
from .value_columns import CHUNK_ROWS, mark_nan, numeric_columns

BATCH_TYPES = {
    "epoch": "int32",
    "batch": "int32",
    "step": "int64",
    "loss": "float32",
    "lr": "float32",
    "step_seconds": "float32",
    "data_wait_seconds": "float32",
    "attempt": "int16",
}
"""The columns that are analysed; narrow, as there may be ten million rows."""

VALUE_TYPE = "float32"


@dataclass
class Repairs:
    """What was wrong with a file."""

    damaged: int = 0
    """Lines that are no row: torn or foreign."""
    repeated: int = 0
    """Rows that a later row of the same epoch or step replaces."""
    missing: int = 0
    """Epochs or steps between the first and the last that have no row."""
    extra: list[str] = field(default_factory=list)
    """Columns that this version does not know and that hold more than numbers."""


class TableError(ValueError):
    """A file is no CSV file of a run; its first line lacks a column."""

    def __init__(self, path: Path, missing: Sequence[str]) -> None:
        super().__init__(f"{path}: {', '.join(missing)}")
        self.path = path
        self.missing = ", ".join(missing)


def read_epochs(paths: Sequence[Path]) -> tuple[pd.DataFrame, Repairs]:
    """The epochs of a run, one row each, the last one written; raises `TableError` or `OSError`.

    Unknown `val_` columns are metrics of the task, others are values. An empty file gives an empty table.
    """
    repairs = Repairs()
    parts = []
    for path in paths:
        header = _header(path, ("epoch", "avg_loss"))
        if not header:
            continue
        text = _whole_rows(path, header, repairs)
        values = _values_in(text, [column for column in header if not _is_of_epochs(column)], repairs)
        kinds: dict[str, Any] = {column: str for column in header if column in TEXT_COLUMNS}
        columns = [column for column in header if _is_of_epochs(column) or column in values]
        part = pd.read_csv(io.BytesIO(text), usecols=columns, dtype={**kinds, **dict.fromkeys(values, "float64")})
        parts.append(mark_nan(part, text, values))
    if not parts:
        return pd.DataFrame({column: [] for column in EPOCH_COLUMNS}), repairs
    table = pd.concat(parts, ignore_index=True)
    for column in EPOCH_COLUMNS:
        if column not in table:
            table[column] = "completed" if column == "status" else np.nan
    return _once(table, "epoch", repairs), repairs


def read_batches(paths: Sequence[Path]) -> tuple[pd.DataFrame, Repairs]:
    """The batches of a run, one row a step, with the columns of `BATCH_TYPES` and its values.

    Raises `TableError` or `OSError`.
    """
    repairs = Repairs()
    parts = []
    for path in paths:
        header = _header(path, ("epoch", "batch", "step", "loss"))
        if header:
            parts.append(_batch_rows(path, header, repairs))
    if not parts:
        return pd.DataFrame({column: np.empty(0, kind) for column, kind in BATCH_TYPES.items()}), repairs
    table = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    return _once(table, "step", repairs), repairs


def _batch_rows(path: Path, header: list[str], repairs: Repairs) -> pd.DataFrame:
    """Read fast, and if that finds anything odd, line by line."""
    kinds = {column: kind for column, kind in BATCH_TYPES.items() if column in header}
    values = [column for column in header if column not in BATCH_COLUMNS]
    if _ends_in_line_feed(path):
        try:
            table = _typed(path, {**kinds, **dict.fromkeys(values, VALUE_TYPE)})
        except (ValueError, OverflowError, pd.errors.ParserError):
            pass
        else:
            if len(table) == _line_feeds(path) - 1:  # else blank lines, which pandas passes over
                return _complete(mark_nan(table, path, values))
    text = _whole_rows(path, header, repairs)
    values = _values_in(text, values, repairs)
    table = _typed(io.BytesIO(text), {**kinds, **dict.fromkeys(values, VALUE_TYPE)})
    return _complete(mark_nan(table, text, values))


def _values_in(text: bytes, names: Sequence[str], repairs: Repairs) -> list[str]:
    """Those columns that are values; others are noted, and left out."""
    values = numeric_columns(text, names)
    repairs.extra += [name for name in names if name not in values]
    return values


def _is_of_epochs(column: str) -> bool:
    return column in EPOCH_COLUMNS or column.startswith("val_")


def _typed(source: Path | io.BytesIO, kinds: dict[str, str]) -> pd.DataFrame:
    # Chunks, so that the text of a large file is never in memory at once beside its numbers.
    chunks = pd.read_csv(source, usecols=list(kinds), dtype=kinds, chunksize=CHUNK_ROWS, engine="c", na_filter=True)
    return pd.concat(list(chunks), ignore_index=True)


def _complete(table: pd.DataFrame) -> pd.DataFrame:
    for column, kind in BATCH_TYPES.items():
        if column not in table:
            table[column] = np.full(len(table), 1 if column == "attempt" else np.nan, kind)
    return table


def _header(path: Path, needed: Sequence[str]) -> list[str]:
    """The columns of a file, [] if it is empty."""
    header, _ = read_header(path)
    missing = [column for column in needed if column not in header]
    if header and missing:
        raise TableError(path, missing)
    return header


def _whole_rows(path: Path, header: Sequence[str], repairs: Repairs) -> bytes:
    """The header and the lines that are rows of it; all others are counted."""
    known = {*EPOCH_COLUMNS, *BATCH_COLUMNS} - {*TEXT_COLUMNS}
    key = "step" if "step" in header else "epoch"
    cells = [r"\d+" if column == key else NUMBER if column in known else r"[^,\r\n]*" for column in header]
    pattern = re.compile((",".join(cells) + "\r?\n").encode())
    _, first = read_header(path)
    kept = [first]
    with path.open("rb") as file:
        file.seek(len(first))
        for line in file:
            if pattern.fullmatch(line):
                kept.append(line)
            elif line.strip():
                repairs.damaged += 1
    return b"".join(kept)


def _once(table: pd.DataFrame, key: str, repairs: Repairs) -> pd.DataFrame:
    """One row for each `key`, the last one written, in ascending order."""
    keys = table[key].to_numpy()
    if len(keys) and not (np.diff(keys) > 0).all():
        before = len(table)
        table = table.drop_duplicates(key, keep="last").sort_values(key, ignore_index=True)
        repairs.repeated += before - len(table)
        keys = table[key].to_numpy()
    if len(keys):
        repairs.missing += int(keys[-1] - keys[0] + 1 - len(keys)) + (int(keys[0]) - 1)
    return table


def _ends_in_line_feed(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _line_feeds(path: Path) -> int:
    total = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(1 << 22):
            total += block.count(b"\n")
    return total
