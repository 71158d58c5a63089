"""Named values as people give them: what can be told of them is kept, the rest is said once and left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...metrics.values import LAST, MOST_NAMES, SUM
from ..late_numbers import is_elsewhere
from ..reporter import NO_HOW
from .errors import ArgumentError
from .numbers import has_one_element, number_of, quick_number

MOST_NAME = 100
"""Characters of a name."""
MOST_TOLD = 10
"""Names of which it is said that something is wrong with them."""


class Marked:
    """A value that is merged over the ranks otherwise than the loss is."""

    __slots__ = ("how", "value")

    def __init__(self, value: Any, how: str) -> None:
        self.value = value
        self.how = how


def sum_over_ranks(value: Any) -> Any:
    """A value that is added up over the ranks and over an epoch, such as a number of tokens."""
    return Marked(value, SUM)


def last_of_ranks(value: Any) -> Any:
    """A value that is the same on all ranks: that of the lowest rank counts, and in an epoch the last one."""
    return Marked(value, LAST)


def mapping(values: Any) -> Mapping[str, Any]:
    """The values that somebody gave in one dict; raises `ArgumentError` for what is none."""
    if not isinstance(values, Mapping):
        raise ArgumentError("api_mapping", got=type(values).__name__)
    return values


class Values:
    """The names of one rank's values, and what is wrong with some of them."""

    def __init__(self, warn: Callable[..., None]) -> None:
        """`warn(kind, **fields)` says something in the log of the run."""
        self._warn = warn
        self._known: set[str] = set()
        self._wrong: set[str] = set()

    def usable(self, given: dict[Any, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The values that can be told, and how some of them are merged; that of a GPU stays a tensor.

        With `NO_HOW` all of them are numbers, in the dict that was given.
        """
        known = self._known
        for name, value in given.items():
            if type(value) is not float:
                number = quick_number(value)
                if number is None:
                    return self._sorted_out(given)
                given[name] = number
            if name not in known:
                return self._sorted_out(given)
        return given, NO_HOW

    def _sorted_out(self, given: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        values: dict[str, Any] = {}
        how: dict[str, str] = {}
        for name, value in given.items():
            if name not in self._known and not _is_name(name):
                self._tell(repr(name)[:MOST_NAME], "name_left_out")
                continue
            plain = value.value if type(value) is Marked else value
            try:
                number = plain if _read_later(plain) else number_of(plain)
            except ValueError as error:
                self._tell(name, "value_left_out", got=str(error))
                continue
            if self._has_room(name):
                values[name] = number
                if type(value) is Marked:
                    how[name] = value.how
        return values, how

    def _has_room(self, name: str) -> bool:
        """Whether it is told: the first name too many is, so that the run process says that there are too many."""
        if len(self._known) <= MOST_NAMES:
            self._known.add(name)
        return name in self._known

    def _tell(self, name: str, kind: str, **fields: str) -> None:
        if name not in self._wrong and len(self._wrong) < MOST_TOLD:
            self._wrong.add(name)
            self._warn(kind, name=name, **fields)


def _is_name(name: Any) -> bool:
    return type(name) is str and 0 < len(name) <= MOST_NAME and name.isprintable() and not name.isspace()


def _read_later(value: Any) -> bool:
    """Whether it is a number that is still on its way from a GPU."""
    try:
        return type(value) is not float and is_elsewhere(value) and _is_real_scalar(value)
    except Exception:  # noqa: BLE001 - its class is somebody else's; whether it is a number is looked at next
        return False


def _is_real_scalar(tensor: Any) -> bool:
    return has_one_element(tensor) and not tensor.is_complex()
