"""everybatch: every batch of a PyTorch training, live in your terminal, still there after the terminal is gone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.config import TrainConfig
    from .engine.task import Task
    from .errors import UsageError

__version__ = "0.1.0"

__all__ = ["Task", "TrainConfig", "UsageError", "__version__"]

_HOMES = {"Task": ".engine.task", "TrainConfig": ".engine.config", "UsageError": ".errors"}
"""In which module each public name is. They are imported when they are asked for, because every part of the
package imports this file, and the monitor must not pay for the engine."""


def __getattr__(name: str) -> Any:
    """A public name, from its module; raises `AttributeError` for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
