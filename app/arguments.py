"""Reads arguments into a dataclass; every mistake becomes one line of the catalogue.

A field is a flag of its name. Its metadata may say `alone`, the value that the flag has when none follows it, or
`positional`: the field takes what is no flag.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from ..errors import UsageError

Config = TypeVar("Config")

NEGATIVE = re.compile(r"-[\d.]")
_NO_VALUE = object()


def parse(kind: type[Config], arguments: Sequence[str], program: str, default: Config | None = None) -> Config:
    """The `arguments` as a `kind`, with ``--a_b`` and ``--a-b`` alike; raises `UsageError`.

    What they leave out is as in `default`, else as `kind` has it.
    """
    given, rest = _parser(kind, program).parse_known_args(_joined([_with_underscores(one) for one in arguments]))
    values = {name: _converted(kind, name, value) for name, value in vars(given).items()}
    positional = _positional(kind)
    stray = [token for token in rest if positional is None or token.startswith("-")]
    if stray:
        raise _unknown_flag(_as_typed(stray[0], arguments), kind, program)
    if positional is not None and rest:
        values[positional] = tuple(rest)
    return dataclasses.replace(kind() if default is None else default, **values)  # type: ignore[type-var]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError("bad_arguments", command=self.prog)


def _parser(kind: type[Any], program: str) -> _Parser:
    """Takes every flag apart; the values stay texts, and a flag without one is no error yet."""
    parser = _Parser(prog=program, add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    for field in dataclasses.fields(kind):
        flag = f"--{field.name}"
        if field.metadata.get("positional"):
            continue
        if get_type_hints(kind)[field.name] is bool:
            parser.add_argument(flag, action="store_const", const=True)
            parser.add_argument(f"--no_{field.name}", action="store_const", const=False, dest=field.name)
        else:
            parser.add_argument(flag, nargs="?", const=field.metadata.get("alone", _NO_VALUE))
    return parser


def _converted(kind: type[Any], name: str, value: Any) -> Any:
    if value is _NO_VALUE:
        raise UsageError("missing_value", flag=f"--{name}")
    hint = get_type_hints(kind)[name]
    alternatives = [choice for choice in get_args(hint) if choice is not NoneType]
    if NoneType in get_args(hint):  # else the text "null" would mean None
        (hint,) = alternatives
    try:
        return msgspec.convert(value, hint, strict=False, dec_hook=lambda _, text: Path(text))
    except msgspec.ValidationError as error:
        if get_origin(hint) is Literal:
            expected = ", ".join(get_args(hint))
            raise UsageError("bad_value", flag=f"--{name}", value=value, expected=expected) from error
        raise UsageError("bad_value", flag=f"--{name}", value=repr(value), expected=hint.__name__) from error


def _positional(kind: type[Any]) -> str | None:
    """The field that takes what is no flag."""
    return next((field.name for field in dataclasses.fields(kind) if field.metadata.get("positional")), None)


def _with_underscores(argument: str) -> str:
    """``--log-interval=3`` as ``--log_interval=3``."""
    if not argument.startswith("--"):
        return argument
    flag, sign, value = argument[2:].partition("=")
    return f"--{flag.replace('-', '_')}{sign}{value}"


def _joined(arguments: Sequence[str]) -> list[str]:
    """``--window -600,1500`` as ``--window=-600,1500``: a value that begins like a number is no flag."""
    joined: list[str] = []
    for argument in arguments:
        if NEGATIVE.match(argument) and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _as_typed(token: str, arguments: Sequence[str]) -> str:
    return next(argument for argument in arguments if _with_underscores(argument) == token)


def _unknown_flag(token: str, kind: type[Any], program: str) -> UsageError:
    flags = [f"--{field.name}" for field in dataclasses.fields(kind)]
    asked = "--" + token.partition("=")[0].lstrip("-").replace("-", "_")
    near = difflib.get_close_matches(asked, flags, 1) if token.startswith("-") else []
    if near:
        return UsageError("unknown_flag_near", flag=token, near=near[0])
    return UsageError("unknown_flag", flag=token, command=program)
