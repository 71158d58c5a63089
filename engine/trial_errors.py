"""Says in one line what went wrong with a task, where, and what to change."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError
from .messages import message_of
from .samples import SampleError
from .task import describe

NEEDS_TWO = "Expected more than 1 value per channel"
"""What BatchNorm says to a batch of one."""

MOST_CHARACTERS = 200
"""Of a batch, described."""

_ENGINE = Path(__file__).parent
_OURS = (_ENGINE, _ENGINE.parent / "run")
_STANDARD_LIBRARY = Path(os.__file__).parent
_TORCH = Path(torch.__file__).parent


def explain(error: BaseException, task: str, member: str, batch: tuple[Any, ...] = ()) -> UsageError:
    """The line for `error`, which came out of the function `member` of `task` that got `batch`, if it got one."""
    if isinstance(error, SampleError):
        return _explain_sample(error, task, member)
    text = message_of(error)
    if NEEDS_TWO in text:
        return UsageError("task_needs_two")
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in text:
        return UsageError("trial_memory", reason=describe(error))
    if isinstance(error, AttributeError) and "'DistributedDataParallel' object" in text:
        return UsageError("loss_wrapped", reason=describe(error))
    if _went_through(error, _TORCH / "utils" / "data" / "_utils" / "collate.py"):
        return UsageError("task_collate", method=member, reason=describe(error))
    if member == "loss" and _went_through(error, _TORCH / "optim"):
        member = "optimizer"
    return UsageError("task_raised", task=task, method=member, reason=reason_of(error, batch))


def _explain_sample(error: SampleError, task: str, member: str) -> UsageError:
    """The line for a batch that could not be loaded, here or in a loader's worker."""
    batch, cause = error.batch, error.__cause__
    reason = reason_of(cause, ()) if cause is not None else f"{batch.error}: {batch.message}"
    if isinstance(cause, UsageError):
        return cause
    if not batch.samples:
        torchs_own = cause is None or _went_through(cause, _TORCH / "utils" / "data" / "_utils" / "collate.py")
        if torchs_own and member != "collate_fn":
            return UsageError(
                "task_collate", method=member, reason=describe(cause) if cause is not None else reason
            )
        return UsageError("task_raised", task=task, method=member, reason=reason)
    sample = f"{error.data}[{', '.join(map(str, batch.samples))}]"
    reason = "; ".join([reason, sample, *([batch.file] if batch.file else [])])
    return UsageError("task_raised", task=task, method=member, reason=reason)


def reason_of(error: BaseException, batch: tuple[Any, ...]) -> str:
    """What was raised, where in the user's code, and by which batch, if there was one."""
    where = place(error)
    return "; ".join([describe(error), *([where] if where else []), *(f"batch: {described(one)}" for one in batch)])


def place(error: BaseException) -> str:
    """File and line of the innermost code of the user's that `error` went through; empty if there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        parents = set(path.parents)
        ours = parents.intersection(_OURS) and _ENGINE / "tasks" not in parents
        library = {"site-packages", "dist-packages"}.intersection(path.parts) or _STANDARD_LIBRARY in parents
        if path.is_absolute() and not ours and not library:
            return f"{path.name}:{frame.lineno}"
    return ""


def described(batch: Any) -> str:
    """Types and shapes of what is in a batch."""
    text = _described(batch)
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_described(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(_described(one) for one in value[:9]) + (", …" if len(value) > 9 else "") + ")"
    return type(value).__name__


def _went_through(error: BaseException, path: Path) -> bool:
    """Whether a file, or one in a folder, is in the traceback of `error`."""
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    return any(file == path or path in file.parents for file in files)
