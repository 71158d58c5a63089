"""Which values of the masks are which classes, where somebody says so.

By ``--classes "liver=1, tumour=2"`` or ``--classes "cell=#ff0000"``, or by a file ``classes.json`` beside the
pictures, ``{"liver": 1, "tumour": [2, 3], "cell": "#ff0000"}``. A class named ``background`` is the background;
without one it is all that is not named. What is named ``void`` or ``ignore`` belongs to nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError

FILE = "classes.json"
BACKGROUND = "background"
VOID_NAMES = ("void", "ignore")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Value:
    """A number or a colour, as a person has written it."""

    written: float
    colour: bool

    def number(self, *, coloured: bool) -> float | None:
        """As it stands in masks that are `coloured` or not; None where it cannot."""
        if self.colour == coloured:
            return self.written
        if coloured:
            return self.written * 0x010101 if self.written in range(256) else None
        grey = int(self.written) & 0xFF
        return float(grey) if self.written == grey * 0x010101 else None


@dataclass(frozen=True)
class ClassNames:
    """Classes with their values, the background first if it is named."""

    classes: tuple[tuple[str, tuple[Value, ...]], ...]
    void: tuple[Value, ...]
    has_background: bool


def class_names(written: str | None, folder: Path) -> ClassNames | None:
    """The classes as `written` on the command line, else in the file of `folder`; None if nobody says anything."""
    if written is not None:
        return _of_text(written)
    file = folder / FILE
    return _of_file(file) if file.is_file() else None


def of_mapping(content: Mapping[object, object], where: str) -> ClassNames:
    """The classes of names and values; raises `UsageError` that tells `where` it stands."""
    classes: dict[str, tuple[Value, ...]] = {}
    for name, written in content.items():
        parts = written if isinstance(written, list) else [written]
        values = tuple(_value(part) for part in parts)
        if not isinstance(name, str) or not name.strip() or not values or None in values:
            raise UsageError("classes_unreadable", where=where, part=f"{name}: {written}")
        classes[name.strip()] = tuple(value for value in values if value is not None)
    _check_once(classes, where)
    void = tuple(value for name in VOID_NAMES for value in classes.pop(name, ()))
    background = classes.pop(BACKGROUND, None)
    if not classes:
        raise UsageError("classes_none", where=where)
    ordered = tuple(classes.items())
    if background is not None:
        ordered = ((BACKGROUND, background), *ordered)
    return ClassNames(ordered, void, background is not None)


def _of_text(written: str) -> ClassNames:
    content: dict[object, object] = {}
    for part in written.split(","):
        name, equals, value = part.rpartition("=")
        if not equals or name.strip() in content:
            raise UsageError("classes_unreadable", where="--classes", part=part.strip())
        content[name.strip()] = value.strip()
    return of_mapping(content, "--classes")


def _of_file(file: Path) -> ClassNames:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError("split_unreadable", path=str(file), reason=str(error)) from error
    if not isinstance(content, dict):
        raise UsageError("classes_unreadable", where=str(file), part=type(content).__name__)
    return of_mapping(content, str(file))


def _check_once(classes: Mapping[str, tuple[Value, ...]], where: str) -> None:
    owners: dict[Value, str] = {}
    for name, values in classes.items():
        for value in values:
            if value in owners:
                raise UsageError("classes_twice", where=where, first=owners[value], second=name)
            owners[value] = name


def _value(written: object) -> Value | None:
    if isinstance(written, str) and COLOUR.fullmatch(written):
        return Value(float(int(written[1:], 16)), colour=True)
    if isinstance(written, bool) or not isinstance(written, (str, int, float)):
        return None
    try:
        return Value(float(written), colour=False)
    except ValueError:
        return None
