"""What a task's functions return: checked, and made what the engine reckons with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError

MEAN_AND_COUNT = 2
"""Parts of a metric that tells over how many it is the mean."""


def check_loss(loss: Any, *, learning: bool) -> None:
    """Raise `UsageError` unless this is a tensor of one element, with a graph if it is for `learning`."""
    if not isinstance(loss, Tensor):
        raise UsageError("loss_kind", kind=_kind(loss))
    if loss.numel() != 1:
        raise UsageError("loss_shape", shape=str(list(loss.shape)))
    if learning and not loss.requires_grad:
        raise UsageError("loss_detached")


def split_loss(made: Any) -> tuple[Any, dict[str, Any]]:
    """What `loss()` made: the loss, and the named values behind it if it made `(loss, {name: value})`."""
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], Mapping):
        return made[0], dict(made[1])
    return made, {}


def check_values(values: Mapping[Any, Any]) -> None:
    """Raise `UsageError` unless each name is a text, and each value a number or a tensor of one element."""
    for name, value in values.items():
        if not isinstance(name, str) or not name:
            raise UsageError("value_name", name=repr(name))
        if hasattr(value, "__array__") or isinstance(value, Tensor):
            shape = list(getattr(value, "shape", ()))
            if shape.count(1) != len(shape):
                raise UsageError("value_shape", name=name, shape=str(shape))
        elif not isinstance(value, (int, float)):
            raise UsageError("value_kind", name=name, kind=_kind(value))


def metric_values(
    metrics: Any, names: tuple[str, ...], samples: int, device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """The mean of each of `names`, in their order, and over how many it is; raises `UsageError`.

    All are float64 scalars on `device`. A mean over nothing is 0, whatever it was. One that does not tell is over
    the `samples` of the batch.
    """
    if not isinstance(metrics, Mapping):
        raise UsageError("metrics_kind", kind=_kind(metrics))
    if set(metrics) != set(names):
        raise UsageError("metrics_names", returned=_names(metrics), declared=_names(names))
    return [_mean(name, metrics[name], samples, device) for name in names]


def score_value(score: Any) -> float:
    """What `score()` made, as a number; raises `UsageError`."""
    try:
        return float(score)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError("task_score_kind", kind=_kind(score)) from error


def _mean(name: str, value: Any, samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    if not (isinstance(value, tuple) and len(value) == MEAN_AND_COUNT):
        mean = _scalar(name, value, device)
        return mean, torch.full_like(mean, samples)
    mean, count = (_scalar(name, part, device) for part in value)
    return torch.where(count > 0, mean, 0.0), count.clamp(min=0)


def _scalar(name: str, value: Any, device: torch.device) -> Tensor:
    if isinstance(value, Tensor) or hasattr(value, "__array__"):  # a number of numpy is no float
        tensor = torch.as_tensor(value)
        if tensor.numel() != 1:
            raise UsageError("metric_shape", name=name, shape=str(list(tensor.shape)))
        return tensor.detach().reshape(()).to(device, torch.float64)
    if not isinstance(value, (int, float)):
        raise UsageError("metric_kind", name=name, kind=_kind(value))
    return torch.tensor(float(value), dtype=torch.float64, device=device)


def _kind(value: Any) -> str:
    """The class of a value, and of its parts if it is a tuple or a dict."""
    name = type(value).__name__
    if isinstance(value, Mapping):
        return f"{name} ({', '.join(map(repr, value))})"
    if isinstance(value, (tuple, list)):
        return f"{name} ({', '.join(type(part).__name__ for part in value)})"
    return name


def _names(names: Any) -> str:
    return ", ".join(map(str, sorted(names, key=str))) or "-"
