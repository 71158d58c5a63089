"""The columns of named values in the tables of a run: all further ones that hold nothing but numbers.

In a table a cell that was not computed is nan, as one that holds ``nan`` is. A further column tells them apart.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..files.csv_repair import NUMBER

CHUNK_ROWS = 1_000_000
_NUMBER = re.compile(NUMBER)


def value_names(table: pd.DataFrame, known: Iterable[str]) -> list[str]:
    """The values that `table` has beside its `known` columns, in their order."""
    others = {*known, *map(_told_nan, table.columns)}
    return [column for column in table.columns if column not in others]


def told_nan(table: pd.DataFrame, name: str) -> Any:
    """Which rows hold ``nan`` as the value `name`, rather than nothing."""
    column = _told_nan(name)
    if column not in table:
        return np.zeros(len(table), bool)
    return table[column].fillna(False).to_numpy(dtype=bool)


def numeric_columns(text: bytes, names: Sequence[str]) -> list[str]:
    """Those of `names` that hold nothing but numbers in a CSV file."""
    if not names:
        return []
    cells = pd.read_csv(io.BytesIO(text), usecols=list(names), dtype=str, keep_default_na=False)
    return [name for name in names if all(_NUMBER.fullmatch(cell.lower()) for cell in cells[name].unique())]


def mark_nan(table: pd.DataFrame, source: Path | bytes, names: Sequence[str]) -> pd.DataFrame:
    """`table`, read from `source`, with what `told_nan` asks for."""
    doubtful = [name for name in names if table[name].isna().any()]
    if not doubtful:
        return table
    opened = source if isinstance(source, Path) else io.BytesIO(source)
    chunks = pd.read_csv(opened, usecols=doubtful, dtype=str, keep_default_na=False, chunksize=CHUNK_ROWS)
    told = pd.concat([chunk[doubtful].apply(lambda cells: cells.str.lower() == "nan") for chunk in chunks])
    marked = {_told_nan(name): told[name].to_numpy() for name in doubtful if told[name].any()}
    return table.assign(**marked)


def _told_nan(name: str) -> str:
    return f"{name}\0nan"  # a column of a file cannot have this name
