"""Numbers as people give them: Python's, numpy's, and tensors of one element on any device."""

from __future__ import annotations

import math
import sys
from numbers import Integral, Real
from typing import Any

from .errors import ArgumentError


class _Torch:
    tensor: type | None = None
    """Its class of tensors; None until one comes."""


def quick_number(value: Any) -> float | None:
    """A float, or a tensor of one that is not on its way from a GPU; None for all else, which `number_of` looks at.

    A loop gives these for each of its batches, so they are told apart with as few looks as can be.
    """
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if kind is not _Torch.tensor or not value.is_cpu:
        return None
    try:
        number = value.item()
    except RuntimeError:  # it has several elements
        return None
    return number if type(number) is float else None


def number_of(value: Any) -> float:
    """The value as a float; waits for the GPU where it is there. Raises `ValueError` with what it is instead."""
    try:
        return _number_of(value)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{type(value).__name__}: {type(error).__name__} in it") from error


def _number_of(value: Any) -> float:
    if isinstance(value, Real):
        try:
            return float(value)
        except OverflowError:  # a whole number that is too large
            return math.inf if int(value) > 0 else -math.inf  # type: ignore[call-overload]
    if not has_one_element(value):
        raise ValueError(described(value))
    if (torch := sys.modules.get("torch")) is not None:
        _Torch.tensor = torch.Tensor
    item = value.item()
    if not isinstance(item, Real):  # a complex number, or a text of an array
        raise ValueError(described(value))  # noqa: TRY004 - one kind of error for what is no number
    return _number_of(item)


def has_one_element(value: Any) -> bool:
    """Whether it is an array or a tensor that holds a single thing."""
    return hasattr(value, "item") and math.prod(getattr(value, "shape", (0,))) == 1


def described(value: Any) -> str:
    """What somebody gave, in a few words."""
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{kind} {tuple(shape)}"
    return kind if value is None else f"{kind} {repr(value)[:40]}"


def real(name: str, value: Any) -> float:
    """The argument `name` as a float; raises `ArgumentError`."""
    try:
        return number_of(value)
    except ValueError as error:
        raise ArgumentError("api_number", name=name, got=str(error)) from None


def whole(name: str, value: Any, least: int) -> int:
    """The argument `name` as an int of at least so much; raises `ArgumentError`."""
    number = int(value) if isinstance(value, Integral) else real(name, value)
    if not least <= number < math.inf or number != math.floor(number):
        raise ArgumentError("api_whole", name=name, least=least, got=described(value))
    return int(number)
