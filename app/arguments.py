"""Reads arguments into a dataclass; every mistake becomes one line of the catalogue."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from typing import Any, TypeVar

import tyro
from tyro import _errors  # the only way to tell a mistake in words of our own; hence the narrow pin on tyro

from ..errors import UsageError

Config = TypeVar("Config")


def parse(kind: type[Config], arguments: Sequence[str], program: str, default: Config | None = None) -> Config:
    """The `arguments` as a `kind`, with ``--a_b`` and ``--a-b`` alike; raises `UsageError`.

    What they do not say is as in `default`, else as `kind` has it.
    """

    def refuse(event: _errors.ParseErrorEvent) -> None:
        raise _usage_error(event, kind, program)

    with _errors.on_parse_error(refuse):
        return tyro.cli(
            kind,
            args=list(arguments),
            prog=program,
            use_underscores=True,
            add_help=False,
            default=tyro.MISSING_NONPROP if default is None else default,
        )


def _usage_error(event: _errors.ParseErrorEvent, kind: type[Any], program: str) -> UsageError:
    match event:
        case _errors.UnrecognizedArgs():
            return _unknown_flag(event.tokens[0], kind, program)
        case _errors.InvalidChoice():
            return UsageError(
                "bad_value",
                flag=_flag(event.argument),
                value=event.value,
                expected=", ".join(event.choices),
            )
        case _errors.BadValue(offending_value=str() as value):
            return _bad_value(event.argument, value)
        case _errors.BadValue():
            return UsageError("missing_value", flag=_flag(event.argument))
        case _errors.InstantiationFailure() if event.argument is not None:
            return _bad_value(event.argument, event.message.rpartition(": ")[2])
        case _:
            return UsageError("bad_arguments", command=program)


def _unknown_flag(token: str, kind: type[Any], program: str) -> UsageError:
    flags = [f"--{field.name}" for field in dataclasses.fields(kind)]
    asked = "--" + token.partition("=")[0].lstrip("-").replace("-", "_")
    near = difflib.get_close_matches(asked, flags, 1) if token.startswith("-") else []
    if near:
        return UsageError("unknown_flag_near", flag=token, near=near[0])
    return UsageError("unknown_flag", flag=token, command=program)


def _bad_value(argument: Any, value: str) -> UsageError:
    expected = getattr(argument.field.type_stripped, "__name__", str(argument.field.type_stripped))
    return UsageError("bad_value", flag=_flag(argument), value=value, expected=expected)


def _flag(argument: Any) -> str:
    return f"--{argument.field.intern_name}"
