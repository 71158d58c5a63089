"""What a person types to filter or search the log: a text, or ``loss>2``, ``epoch=3``, ``level>=warn``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from ..metrics.log_rows import Row
from ..metrics.records import BatchRecord, EpochSummary, Notice, RunEnded, ValidationRecord
from ..metrics.severity import SEVERITIES, gravity

LEVELS = {name: gravity(name) for name in SEVERITIES} | {"warn": gravity("warning")}
"""What a filter on the level understands."""
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_CONDITION = re.compile(r"\s*(loss|epoch|batch|step|lr|level)\s*(>=|<=|>|<|=)\s*([^\s]+)\s*")

Keep = Callable[[Row, str], bool]


def condition(text: str) -> Keep:
    """Whether a row, whose line is the second argument, is meant by `text`.

    A condition on a number is never true for rows without it; warnings and errors pass a filter on `level` only by
    their own level. Text is compared without regard to case.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        wanted = text.lower()
        return lambda _, line: wanted in line.lower()
    name, sign, value = match.groups()
    compare = OPERATORS[sign]
    if name == "level":
        if value not in LEVELS:
            return lambda _, line: text.lower() in line.lower()
        level = LEVELS[value]
        return lambda row, _: compare(_level(row), level)
    try:
        number = float(value)
    except ValueError:
        return lambda _, line: text.lower() in line.lower()
    return lambda row, _: _compares(row, name, number, compare)


def _compares(row: Row, name: str, number: float, compare: Callable[[float, float], bool]) -> bool:
    record = row.record
    if isinstance(record, BatchRecord):
        return compare(getattr(record, name), number)
    if isinstance(record, Notice | EpochSummary | ValidationRecord) and name == "epoch":
        return compare(record.epoch, number)
    return False


def _level(row: Row) -> int:
    match row.record:
        case Notice(level=level):
            return gravity(level)
        case RunEnded(state="failed"):
            return gravity("error")
        case _:
            return gravity("info")
