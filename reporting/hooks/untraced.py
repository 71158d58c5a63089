"""Keeps torch.compile from looking at the hooks: where compiled code calls them, they run as they are.

`set_code_exec_strategy` is torch's own name, `skip_code` that of older versions, and so is the mark on functions.
Without them the hooks work as well, and compiling takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch

Skip = Callable[[CodeType], None]
MARK = "_torchdynamo_disable"


def untraced(function: Any) -> Any:
    """Have compiled code call this function instead of taking in what it does; the function itself."""
    setattr(function, MARK, True)
    return function


def leave_untraced(modules: Iterable[ModuleType]) -> None:
    """Have no function that stands in one of these modules compiled when it runs."""
    skip = _skipping()
    if skip is not None:
        for module in modules:
            for thing in vars(module).values():
                if getattr(thing, "__module__", None) == module.__name__:
                    _skip(thing, skip)


def _skipping() -> Skip | None:
    frames: Any = getattr(getattr(torch._C, "_dynamo", None), "eval_frame", None)
    if not hasattr(frames, "set_code_exec_strategy"):
        return getattr(frames, "skip_code", None)
    actions = frames._FrameAction
    strategy = frames._FrameExecStrategy(actions.SKIP, actions.DEFAULT)
    return lambda code: frames.set_code_exec_strategy(code, strategy)


def _skip(thing: Any, skip: Skip) -> None:
    if isinstance(thing, property):
        _skip(thing.fget, skip)
    elif isinstance(thing, (staticmethod, classmethod)):
        _skip(thing.__func__, skip)
    elif isinstance(thing, FunctionType):
        _skip_code(thing.__code__, skip)
    elif isinstance(thing, type):
        for part in vars(thing).values():
            _skip(part, skip)


def _skip_code(code: CodeType, skip: Skip) -> None:
    """The functions within it too."""
    skip(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _skip_code(constant, skip)
