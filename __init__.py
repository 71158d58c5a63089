"""everybatch: every batch of a PyTorch training, live in your terminal, still there after the terminal is gone."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.config import TrainConfig
    from .engine.task import Task
    from .errors import UsageError
    from .reporting.api.errors import ArgumentError
    from .reporting.api.init import init, log
    from .reporting.api.run import Run
    from .reporting.api.values import last_of_ranks as last
    from .reporting.api.values import sum_over_ranks

    sum = sum_over_ranks  # noqa: A001 - it is `everybatch.sum`
else:
    from . import log  # the package of that name

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Run",
    "Task",
    "TrainConfig",
    "UsageError",
    "__version__",
    "init",
    "last",
    "log",
]
"""`sum` is public as well: it is not here so that ``from everybatch import *`` hides no builtin function."""

_HOMES = {
    "ArgumentError": (".reporting.api.errors", "ArgumentError"),
    "Run": (".reporting.api.run", "Run"),
    "Task": (".engine.task", "Task"),
    "TrainConfig": (".engine.config", "TrainConfig"),
    "UsageError": (".errors", "UsageError"),
    "init": (".reporting.api.init", "init"),
    "last": (".reporting.api.values", "last_of_ranks"),
    "sum": (".reporting.api.values", "sum_over_ranks"),
}
"""In which module each public name is, and its name there. They are imported when they are asked for, because every
part of the package imports this file, and the monitor must not pay for the engine."""


class _CallableLog(ModuleType):
    """The package `everybatch.log`, which is also what people call: ``everybatch.log(loss=loss)``."""

    def __call__(self, values: Any = None, /, **named: Any) -> None:
        from .reporting.api.init import log as log_batch

        log_batch(values, **named)


sys.modules[f"{__name__}.log"].__class__ = _CallableLog


def __getattr__(name: str) -> Any:
    """A public name, from its module; raises `AttributeError` for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = _HOMES[name]
    return getattr(import_module(module, __name__), there)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
