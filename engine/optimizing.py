"""The optimizer and the scheduler that a task makes."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from ..errors import UsageError
from ..metrics.records import UNKNOWN
from .task_options import CALLS, Function, TaskOptions


def make_optimizer(options: TaskOptions, model: nn.Module, lr: float) -> torch.optim.Optimizer:
    """The task's optimizer, otherwise Adam; raises `UsageError`."""
    if options.optimizer is None:
        return torch.optim.Adam(model.parameters(), lr=lr)
    optimizer = options.optimizer(model, lr)
    if not isinstance(optimizer, torch.optim.Optimizer):
        _refuse("optimizer", "torch.optim.Optimizer", optimizer)
    return optimizer  # type: ignore[no-any-return]


def make_scheduler(options: TaskOptions, optimizer: torch.optim.Optimizer, epochs: int, steps: int) -> Any:
    """The task's scheduler, None if it has none; raises `UsageError`.

    `steps` is the number of batches of the whole run, `UNKNOWN` for a stream without length.
    """
    make = options.scheduler
    if make is None:
        return None
    if options.schedule_every == "epoch":
        scheduler = make(optimizer, epochs)
    elif steps != UNKNOWN:
        scheduler = make(optimizer, steps)
    else:
        scheduler = _scheduler_of_a_stream(make, optimizer)
    if scheduler is not None and not all(hasattr(scheduler, name) for name in ("step", "state_dict")):
        _refuse("scheduler", "LRScheduler", scheduler)
    return scheduler


def needs_argument(function: Any) -> bool:
    """Whether `function` cannot be called without an argument."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return True
    except ValueError:  # written in C, without a signature
        return False
    return False


def _scheduler_of_a_stream(make: Function, optimizer: torch.optim.Optimizer) -> Any:
    """Nobody knows how many batches there will be, which only a schedule that goes by the score can do without."""
    try:
        scheduler = make(optimizer, 1)
    except (ValueError, ArithmeticError) as error:
        raise UsageError("task_steps") from error
    if scheduler is not None and not needs_argument(scheduler.step):
        raise UsageError("task_steps")
    return scheduler


def _refuse(member: str, expected: str, made: object) -> None:
    raise UsageError("task_made", call=CALLS[member], expected=expected, kind=type(made).__name__)
