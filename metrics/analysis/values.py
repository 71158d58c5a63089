"""The named values of a run: how each one went, by batches if they were read, else by epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .findings import Finding
from .value_columns import told_nan, value_names

PART = 10
"""The first and the last tenth of a value tell how it began and how it ended."""
MOST_FINDINGS = 5
"""Values of which one is told that they are not finite; the table has all of them."""


@dataclass(frozen=True)
class ValueStory:
    """One value over the run. A row is a batch or an epoch; numbers are nan where there is no finite one."""

    name: str
    key: str
    """What `places` are: `step` or `epoch`."""
    places: Any
    """The rows that have it, ascending."""
    numbers: Any
    """The value in each of them."""
    early: float
    """Mean over the first tenth of the finite ones."""
    late: float
    """The same of the last tenth."""
    least: float
    most: float
    mean: float
    nonfinite: int
    """Rows in which it is nan or inf."""
    first_nonfinite: int
    """The row of the table where that begins; -1 if it never does."""


def value_stories(table: pd.DataFrame, known: Iterable[str], key: str) -> list[ValueStory]:
    """The values of `table` beside its `known` columns, in their order; `key` numbers its rows."""
    return [_story(table, name, key) for name in value_names(table, known)]


def value_findings(stories: Iterable[ValueStory], table: pd.DataFrame) -> list[Finding]:
    """The values that were nan or inf, the worst first."""
    bad = sorted((story for story in stories if story.nonfinite), key=lambda story: -story.nonfinite)
    return [_finding(story, table) for story in bad[:MOST_FINDINGS]]


def _story(table: pd.DataFrame, name: str, key: str) -> ValueStory:
    numbers = table[name].to_numpy(dtype=float)
    present = ~np.isnan(numbers) | told_nan(table, name)
    bad = present & ~np.isfinite(numbers)
    finite = numbers[np.isfinite(numbers)]
    part = max(1, len(finite) // PART)
    early, late, least, most, mean = (
        float(of(finite[part_of])) if len(finite) else math.nan
        for of, part_of in (
            (np.mean, slice(part)),
            (np.mean, slice(-part, None)),
            (np.min, slice(None)),
            (np.max, slice(None)),
            (np.mean, slice(None)),
        )
    )
    return ValueStory(
        name,
        key,
        table[key].to_numpy()[present],
        numbers[present],
        early,
        late,
        least,
        most,
        mean,
        int(bad.sum()),
        int(np.argmax(bad)) if bad.any() else -1,
    )


def _finding(story: ValueStory, table: pd.DataFrame) -> Finding:
    row = table.iloc[story.first_nonfinite]
    figures: dict[str, int | float | str] = {
        "name": story.name,
        "count": story.nonfinite,
        "epoch": int(row["epoch"]),
    }
    if story.key == "epoch":
        return Finding("nonfinite_value", "warning", figures, "_epoch")
    return Finding("nonfinite_value", "warning", {**figures, "batch": int(row["batch"])})
