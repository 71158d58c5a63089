"""What is trained: the `Task` protocol, and finding the task that ``--task`` names."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.data import Dataset

    from .config import TrainConfig

BUILT_IN = {
    "phantoms": "everybatch.engine.tasks.phantoms:Phantoms",
    "image_folder": "everybatch.engine.tasks.image_folder:ImageFolder",
}


class Task(Protocol):
    """A plain class with these methods; no base class, no registry.

    It is built as ``Class(config)`` if its ``__init__`` takes an argument, else as ``Class()``, once in the run
    process (to check it) and once in every rank. It may also have:

    - ``optimizer(model, lr) -> torch.optim.Optimizer`` (otherwise Adam),
    - ``scheduler(optimizer, steps) -> LRScheduler``, stepped after every batch; ``steps`` is the whole run's,
    - ``metrics(model, batch) -> dict[str, Tensor]``, scalars that are means over the batch, for validation,
      with ``metric_names: tuple[str, ...]`` naming them up front.

    A dataset with a ``set_epoch(epoch)`` method is told each epoch before it starts.
    """

    def model(self) -> nn.Module:
        """The network, on the CPU; the engine moves it and wraps it in DDP."""

    def train_data(self) -> Dataset[Any]:
        """A map-style dataset."""

    def val_data(self) -> Dataset[Any] | None:
        """A map-style dataset, or None for no validation."""

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The scalar mean loss of a batch, which is on the device already."""


METHODS = ("model", "train_data", "val_data", "loss")


def task_class(spec: str) -> type[Task]:
    """The class that `spec` names; raises `UsageError` if there is none or it lacks a method.

    The current folder is searched as for ``python -m``, so that a file of the user's own works.
    """
    module_name, _, class_name = BUILT_IN.get(spec, spec).partition(":")
    if not module_name or not class_name:
        raise UsageError("task_import", task=spec, reason="module:Class")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise UsageError("task_import", task=spec, reason=describe(error)) from error
    found: Any = getattr(module, class_name, None)
    if not inspect.isclass(found):
        classes = [name for name, _ in inspect.getmembers(module, inspect.isclass) if _.__module__ == module_name]
        raise UsageError("task_class", module=module_name, name=class_name, classes=", ".join(classes) or "-")
    missing = [name for name in METHODS if not callable(getattr(found, name, None))]
    if missing:
        raise UsageError("task_method", task=spec, methods=", ".join(f"{name}()" for name in missing))
    if hasattr(found, "metrics") and not hasattr(found, "metric_names"):
        raise UsageError("task_metrics", task=spec)
    return cast("type[Task]", found)


def build_task(config: TrainConfig) -> Task:
    """The task of `config`."""
    found: Any = task_class(config.task)
    task: Task = found(config) if inspect.signature(found).parameters else found()
    return task


def metric_names(task: Task) -> tuple[str, ...]:
    """Names of the metrics that the task computes in validation, in the order of the columns."""
    return tuple(getattr(task, "metric_names", ()))


def describe(error: BaseException) -> str:
    """An exception in a few words: its class and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
