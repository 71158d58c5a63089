"""What is trained: the `Task` protocol, and finding the task that ``--task`` names."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from ..errors import UsageError
from .messages import message_of
from .task_folder import hidden_files, import_task_module

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.data import Dataset

    from .config import TrainConfig

BUILT_IN = {
    "phantoms": "everybatch.engine.tasks.phantoms:Phantoms",
    "image_folder": "everybatch.engine.tasks.image_folder:ImageFolder",
}


Said: TypeAlias = tuple[str, dict[str, str | int | float]]
"""Key of a text of the catalogue, and its fields."""


Progress: TypeAlias = Callable[[int, int], None]
"""Is told how much of how much is done."""


def unheard(done: int, total: int) -> None:
    """A `Progress` that nobody asks for."""


class DataTask(ABC):
    """A built-in task that reads somebody's data when it is built, and tells what it found."""

    @abstractmethod
    def __init__(self, config: TrainConfig, progress: Progress) -> None:
        """`progress` is told how many files are read."""

    @abstractmethod
    def notices(self) -> list[Said]:
        """What is said in the log."""


class Task(Protocol):
    """A plain class with these methods; no base class, no registry.

    It is built as ``Class(config)`` if its ``__init__`` takes an argument, else as ``Class()``: once in a process
    that tries one batch of training and one of validation before anything is written, and once in every rank.
    In that process ``RANK`` is 0, ``WORLD_SIZE`` is 1, and the process group has one rank.

    It may also have the following. A function may be given as a method or as an attribute.

    Learning

    - ``optimizer(model, lr) -> torch.optim.Optimizer``, otherwise Adam. One whose ``step`` needs a closure, such as
      LBFGS, gets one: it computes the loss of this batch again, and clips the gradient if that is asked for; all
      ranks are given the mean of their losses. The loss that is reported is that of its first call. Not together
      with ``--amp``.
    - ``scheduler(optimizer, steps) -> LRScheduler``. ``steps`` is how often it is stepped in the whole run.
      `ReduceLROnPlateau`, and every other one whose ``step`` needs a value, is stepped after each epoch with the
      score of the epoch (see ``score``), so with a ``score`` of its own it is ``ReduceLROnPlateau(mode="max")``.
    - ``schedule_every = "epoch"``: the scheduler is stepped after each epoch instead of after each batch.
    - ``find_unused_parameters = True``, as `DistributedDataParallel` has it, for a model that does not use all of
      its parameters in every batch. Set by itself when some parameters get no gradient in the batch that is tried.

    Data

    - ``collate_fn(samples) -> batch``, for training and validation: makes a batch of a list of samples. Needed when
      samples differ in shape.
    - ``drop_last = True``: an incomplete last batch of an epoch is left out in training. Set by itself when a last
      batch would have one sample and the model cannot learn from a single one (BatchNorm).
    - ``persistent_workers = True``, as `DataLoader` has it: loader processes go on from epoch to epoch. A dataset
      is told of each epoch in them, by its ``set_epoch``; what else changes in it does not reach them.
    - ``sampler(dataset, rank, world_size, seed) -> Sampler``: an iterable with a length that gives the indices of
      *this rank's* training samples, as many on every rank. It may have ``set_epoch(epoch)``. Whatever random
      generator it draws from is seeded by the seed, the epoch and the rank, so that its order can be repeated when
      an epoch is resumed. Otherwise each rank gets its own part of a new random order in each epoch.
    - ``val_batch_size``: samples in a batch of validation, otherwise ``--batch_size``.

    Validation

    - ``metrics(model, batch) -> dict``: a mean over the batch for each name: a number, or a tensor of one element.
      Or two of them, a mean and over how many it is, where not every sample counts.
      With ``metric_names``, one name or several, naming them up front, since they are the columns of the CSV file.
    - ``score``: what the best epoch is judged by, *higher is better*: the name of a metric, or a method
      ``score(val) -> float`` that makes one number of the epoch's values, ``{"loss": …, name: …}``; that number is
      then a further metric named ``score``. Otherwise the lowest validation loss is the best, or without validation
      the lowest mean training loss.

    Datasets

    A dataset with ``set_epoch(epoch)`` is told each epoch before it starts. It may be an `IterableDataset`:

    - Every rank reads the whole stream and keeps each ``world_size``-th sample, in one loader process at most. So
      all ranks must get the same order from it: it is read with the random generators seeded alike on each.
    - A dataset that shares itself out, by `torch.distributed.get_rank` and `torch.utils.data.get_worker_info`,
      says so with an attribute ``sharded = True``. It is read as it is, in ``--workers`` processes, each rank with
      random numbers of its own, and its length, if it has one, is that of the rank's part.
    - It may have a length, and needs one for a scheduler that is stepped after each batch. Without one the number
      of batches is unknown (``?``) in the first epoch, and is then that of the epoch before.
    - An epoch ends for all ranks when one of them has no more samples.
    - An epoch that is resumed in its middle reads the batches that are done once more, and leaves them out.
    """

    def model(self) -> nn.Module:
        """The network, on the CPU; the engine moves it and wraps it in DDP."""

    def train_data(self) -> Dataset[Any]:
        """A map-style dataset, or an `IterableDataset`."""

    def val_data(self) -> Dataset[Any] | None:
        """The same for validation; None, or an empty one, for no validation."""

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The mean loss of a batch, a tensor of one element; the batch is on the device already.

        Or ``(loss, {name: value})``: numbers, or tensors of one element, that are recorded beside the loss of each
        batch of training. With ``--grad_clip`` there is a value ``grad_norm`` anyway.

        In training it must call ``model(…)`` itself: ranks share their gradients there, and not through
        ``model.module`` or another method of it. In validation the model is not wrapped.
        """


MOST_PARTS = 3
"""Of a list in one line."""

METHODS = ("model", "train_data", "val_data", "loss")


def task_class(spec: str) -> type[Task]:
    """The class that `spec` names; raises `UsageError` if there is none or it lacks a method.

    A file of the current folder works; what may not have its name: `task_folder`.
    """
    module_name, _, class_name = BUILT_IN.get(spec, spec).partition(":")
    if not module_name or not class_name:
        raise UsageError("task_import", task=spec, reason="module:Class")
    try:
        module = import_task_module(module_name)
    except Exception as error:
        files = _hidden_from(error)
        if files:
            raise UsageError("task_hidden", task=spec, reason=describe(error), files=files) from error
        raise UsageError("task_import", task=spec, reason=describe(error)) from error
    found: Any = getattr(module, class_name, None)
    if not inspect.isclass(found):
        classes = [
            name for name, _ in inspect.getmembers(module, inspect.isclass) if _.__module__ == module.__name__
        ]
        raise UsageError("task_class", module=module_name, name=class_name, classes=", ".join(classes) or "-")
    missing = [name for name in METHODS if not callable(getattr(found, name, None))]
    if missing:
        raise UsageError("task_method", task=spec, methods=", ".join(f"{name}()" for name in missing))
    if hasattr(found, "metrics") and not hasattr(found, "metric_names"):
        raise UsageError("task_metrics", task=spec)
    return cast("type[Task]", found)


def _hidden_from(error: Exception) -> str:
    """Files beside the task that it may have meant to import when it got another module of their name."""
    if not isinstance(error, (ImportError, AttributeError)):
        return ""
    message = message_of(error)
    hidden = hidden_files(Path.cwd())
    return ", ".join(path.name for name, path in hidden.items() if re.search(rf"['\"]{name}\b", message))


def build_task(config: TrainConfig, progress: Progress = unheard) -> Task:
    """The task of `config`."""
    found: Any = task_class(config.task)
    if issubclass(found, DataTask):
        return cast("Task", found(config, progress))
    task: Task = found(config) if inspect.signature(found).parameters else found()
    return task


def describe(error: BaseException) -> str:
    """An exception in a few words: its class and the first line of its message."""
    lines = message_of(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def some_of(parts: Sequence[str], separator: str = ", ") -> str:
    """The first few of `parts` in one line, and how many more there are."""
    more = len(parts) - MOST_PARTS
    return separator.join(parts[:MOST_PARTS]) + (f" … (+{more})" if more > 0 else "")
