"""What a task may say beside its four methods: read, and checked, in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..errors import UsageError
from .task import Task

CALLS = {
    "model": "model()",
    "train_data": "train_data()",
    "val_data": "val_data()",
    "loss": "loss(model, batch)",
    "metrics": "metrics(model, batch)",
    "optimizer": "optimizer(model, lr)",
    "scheduler": "scheduler(optimizer, steps)",
    "collate_fn": "collate_fn(samples)",
    "sampler": "sampler(dataset, rank, world_size, seed)",
    "score": "score(val)",
}
"""How each function of a task is called."""

SCORE = "score"
"""Name of the metric that a function `score` makes."""

Function: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class TaskOptions:
    """The optional members of a task; what each means stands in `Task`."""

    loss: Function
    metric_names: tuple[str, ...]
    """What `metrics` returns, in the order of the columns; a `score` that is a function is not among them."""
    metrics: Function | None
    optimizer: Function | None
    scheduler: Function | None
    schedule_every: Literal["batch", "epoch"]
    collate_fn: Function | None
    drop_last: bool
    sampler: Function | None
    find_unused_parameters: bool
    persistent_workers: bool
    val_batch_size: int | None
    score: str | Callable[[Mapping[str, float]], float] | None
    """The name of a metric, or a function that makes one."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all values of a validation beside its loss."""
        return (*self.metric_names, SCORE) if callable(self.score) else self.metric_names

    @property
    def score_name(self) -> str:
        """Which of `columns` the best epoch is judged by, higher being better; empty for the loss."""
        if callable(self.score):
            return SCORE
        return self.score or ""


@dataclass(frozen=True)
class Needs:
    """What a task was found to need, whether it says so or not."""

    find_unused_parameters: bool = False
    drop_last: bool = False


def read_options(task: Task) -> TaskOptions:
    """The options of `task`; raises `UsageError` for what cannot be used."""
    for name in ("model", "train_data", "val_data"):
        _function(task, name)
    names = _metric_names(task)
    metrics = _function(task, "metrics")
    if metrics is None:
        names = ()
    loss = _function(task, "loss")
    assert loss is not None  # `task_class` has looked
    return TaskOptions(
        loss=loss,
        metric_names=names,
        metrics=metrics,
        optimizer=_function(task, "optimizer"),
        scheduler=_function(task, "scheduler"),
        schedule_every=_one_of(task, "schedule_every", ("batch", "epoch")),
        collate_fn=_function(task, "collate_fn"),
        drop_last=_flag(task, "drop_last"),
        sampler=_function(task, "sampler"),
        find_unused_parameters=_flag(task, "find_unused_parameters"),
        persistent_workers=_flag(task, "persistent_workers"),
        val_batch_size=_val_batch_size(task),
        score=_score(task, names),
    )


def _function(task: Task, name: str) -> Function | None:
    """A function of the task, called as `CALLS` says.

    A function of a module that stands as an attribute in the class (``collate_fn = pad``) has become a method that
    gets the task as well; it is told by its parameters.
    """
    found: Any = getattr(task, name, None)
    if found is None:
        return None
    count = CALLS[name].count(",") + 1 if not CALLS[name].endswith("()") else 0
    if _takes(found, count):
        function: Function = found
        return function
    bare: Any = getattr(found, "__func__", None)
    if not _takes(bare, count) or next(iter(inspect.signature(bare).parameters)) == "self":
        raise UsageError("task_call", member=name, call=CALLS[name])
    return bare  # type: ignore[no-any-return]


def _takes(function: Any, count: int) -> bool:
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return True
    return True


def _flag(task: Task, name: str) -> bool:
    value = getattr(task, name, False)
    if not isinstance(value, bool):
        _refuse(name, "True / False", value)
    return value


def _one_of(task: Task, name: str, values: tuple[str, ...]) -> Any:
    value = getattr(task, name, values[0])
    if value not in values:
        _refuse(name, " / ".join(map(repr, values)), value)
    return value


def _val_batch_size(task: Task) -> int | None:
    value = getattr(task, "val_batch_size", None)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        _refuse("val_batch_size", "1, 2, 3 …", value)
    return value


def _metric_names(task: Task) -> tuple[str, ...]:
    """One name is a name, not its letters."""
    value: Any = getattr(task, "metric_names", ())
    names = (value,) if isinstance(value, str) else value
    if (
        not isinstance(names, (tuple, list))
        or not all(isinstance(name, str) and name for name in names)
        or len({*names, "loss"}) <= len(names)  # each is a column of its own, and so is the loss
    ):
        _refuse("metric_names", '("dice", "mae", …)', value)
    return tuple(names)


def _score(task: Task, names: tuple[str, ...]) -> Any:
    value = getattr(task, "score", None)
    if value is None or (isinstance(value, str) and value in names):
        return value
    if not callable(value):
        _refuse("score", " / ".join([*map(repr, names), CALLS["score"]]), value)
    if SCORE in names:
        raise UsageError("task_score_twice")
    return _function(task, "score")


def _refuse(member: str, expected: str, value: object) -> None:
    raise UsageError("task_member", member=member, expected=expected, value=repr(value))
