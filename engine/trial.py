"""One batch of training and one of validation, tried before anything is written.

It is meant for a process of its own, so that it need not put anything back. Whatever goes wrong is a `UsageError`
that names the function of the task.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import UsageError
from .batches import Share, steps_of, train_batches, val_batches
from .checkpoint import read_checkpoint
from .config import TrainConfig
from .data import TrainData, to_device
from .evaluation import Evaluation, score_of
from .messages import message_of
from .random_state import seed_all
from .streams import is_stream, shares_itself
from .task import DataTask, Said, Task
from .task_options import CALLS, Function, Needs, TaskOptions, read_options
from .training import Training
from .trial_errors import NEEDS_TWO, explain, reason_of
from .validation import mean_over_ranks

_NONE = object()


@dataclass(frozen=True)
class Found:
    """What the trial found out about a task."""

    needs: Needs
    unused: tuple[str, ...]
    """Parameters that got no gradient."""
    columns: tuple[str, ...]
    """Names of what a validation measures beside the loss."""
    score_name: str
    """Which of them the best epoch is judged by; empty for the loss."""
    value_names: tuple[str, ...]
    """Names of what a batch of training has beside the loss."""
    planned: bool
    """Its learning rates are a function of the number of epochs or batches."""
    shared_stream: bool
    """Each rank keeps its own samples of one stream."""
    said: list[Said]
    """What a built-in task tells of the data."""


class Trial:
    """Tries a task as rank 0 of `world_size` ranks would run it; the process group must have one rank."""

    def __init__(
        self, task: Task, config: TrainConfig, device: torch.device, world_size: int, enter: Callable[[str], None]
    ) -> None:
        """`enter` is told which function of the task comes next."""
        self._task = task
        self._config = dataclasses.replace(config, workers=0)
        self._device = device
        self._world_size = world_size
        self._share = Share(0, world_size)
        self._told = enter
        self._member = ""
        self._batch: Any = _NONE
        """The newest one."""

    def run(self, checkpoint: Path | None) -> Found:
        """Try everything; with `checkpoint`, also whether the model can go on from it. Raises `UsageError`."""
        saved = read_checkpoint(checkpoint, check=False).state if checkpoint is not None else None
        with self._explained():
            return self._run(saved)

    def _run(self, saved: dict[str, Any] | None) -> Found:
        config = self._config
        options = self._watched(read_options(self._task))
        dataset = self._made("train_data")
        self._check_length("train_data", dataset)
        if not is_stream(dataset) and options.sampler is None and self._world_size > len(dataset):
            raise UsageError("ranks_over_samples", nproc=self._world_size, samples=len(dataset))
        train = train_batches(dataset, config, options, self._share)
        if train.batches == 0:
            raise UsageError("task_no_batches", batch_size=config.batch_size)
        val_data = self._made("val_data")
        if val_data is not None:
            self._check_length("val_data", val_data)
        val = val_batches(val_data, config, options, self._share)
        if val is None and options.score is not None:
            raise UsageError("task_score_alone")
        self._enter("model")
        training = Training(self._task, config, self._device, steps_of(train, config.epochs), options)
        _check_direction(training, options)
        if saved is not None:
            training.load(saved, float(saved["config"]["lr"]))
        seed_all(config.seed + 1)
        batch = self._first("train_data", train.epoch(1))
        unused = self._learn(training, batch)
        value_names = tuple(training.values)
        drop_last = self._cannot_learn_from_one(dataset, options, training)
        if drop_last and train_batches(dataset, config, options, self._share, drop_last=True).batches == 0:
            raise UsageError("task_needs_two")
        if val is not None:
            self._judge(options, training, self._first("val_data", val.epoch(1)), val.batch_size)
        return Found(
            Needs(find_unused_parameters=bool(unused), drop_last=drop_last),
            unused,
            options.columns,
            options.score_name,
            value_names,
            planned=training.scheduler is not None and not training.by_score,
            shared_stream=is_stream(dataset) and not shares_itself(dataset) and self._world_size > 1,
            said=self._task.notices() if isinstance(self._task, DataTask) else [],
        )

    def _check_length(self, member: str, dataset: Any) -> None:
        if is_stream(dataset):
            return
        if not isinstance(dataset, Sized):
            raise UsageError("task_length", task=self._config.task, method=member)
        if member == "train_data" and not len(dataset):
            raise UsageError("task_no_samples", task=self._config.task)

    def _learn(self, training: Training, batch: Any) -> tuple[str, ...]:
        """Learn from a batch; names of the parameters that did not take part."""
        training.ddp.train()  # type: ignore[no-untyped-call]
        calls = _count_calls(training.ddp)
        self._enter("loss")
        loss = training.forward(batch)
        if not calls and self._world_size > 1:
            raise UsageError("loss_bypasses")
        training.learn(loss, step=not training.by_closure)
        learning = [(name, one) for name, one in training.model.named_parameters() if one.requires_grad]
        unused = tuple(name for name, parameter in learning if parameter.grad is None)
        if len(unused) == len(learning):
            raise UsageError("loss_detached")
        return unused

    def _cannot_learn_from_one(self, dataset: Any, options: TaskOptions, training: Training) -> bool:
        """Whether an epoch may end with a batch of one sample that the model cannot learn from."""
        if options.drop_last or self._config.batch_size == 1 or not self._may_end_with_one(dataset, options):
            return False
        single = dataclasses.replace(self._config, batch_size=1)
        batch = self._first("train_data", train_batches(dataset, single, options, self._share).epoch(1))
        try:
            self._enter("loss")
            with torch.no_grad():
                training.forward(batch)
        except Exception as error:
            if NEEDS_TWO in message_of(error):
                return True
            if is_stream(dataset):  # its last batch may have more
                return False
            raise UsageError("task_last_batch", reason=reason_of(error, (batch,))) from error
        return False

    def _may_end_with_one(self, dataset: Any, options: TaskOptions) -> bool:
        if is_stream(dataset):
            return True
        ranks = range(self._world_size if options.sampler is not None else 1)  # otherwise all get as many
        samples = [TrainData(dataset, self._config, rank, self._world_size, options).samples for rank in ranks]
        return any(count % self._config.batch_size == 1 for count in samples)

    def _judge(self, options: TaskOptions, training: Training, batch: Any, batch_size: int) -> None:
        """Validate with one batch, and what an epoch makes of that."""
        training.ddp.eval()
        evaluation = Evaluation(options, training, self._device, batch_size)
        self._enter("loss")
        evaluation.add(batch)
        score, _ = score_of(options, mean_over_ranks(evaluation.sums, None))
        self._enter("scheduler")
        training.epoch_ended(score)

    # ---- the task's functions -----------------------------------------------------------------------------

    def _made(self, member: str) -> Any:
        self._enter(member)
        return getattr(self._task, member)()

    def _first(self, member: str, batches: Any) -> Any:
        """The first batch, on the device."""
        self._enter(member)
        batch = next(iter(batches), _NONE)
        if batch is _NONE:
            raise UsageError("task_no_data", method=member)
        self._batch = to_device(batch, self._device)
        return self._batch

    def _watched(self, options: TaskOptions) -> TaskOptions:
        """The same functions, which say when they are called."""
        functions: dict[str, Any] = {
            name: self._watch(name, getattr(options, name)) for name in CALLS if hasattr(options, name)
        }
        return dataclasses.replace(options, **functions)

    def _watch(self, member: str, function: Any) -> Function | Any:
        if not callable(function):
            return function

        def watched(*arguments: Any) -> Any:
            caller = self._member
            self._enter(member)
            made = function(*arguments)
            self._enter(caller)
            return made

        return watched

    def _enter(self, member: str) -> None:
        self._member = member
        self._told(member)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            batch = self._batch if self._member in ("loss", "metrics") else _NONE
            told = () if batch is _NONE else (batch,)
            raise explain(error, self._config.task, self._member, told) from error


def _count_calls(ddp: torch.nn.Module) -> list[None]:
    """Grows by one with each call of the wrapped model."""
    calls: list[None] = []
    forward = ddp.forward

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(None)
        return forward(*arguments, **named)

    ddp.forward = counted
    return calls


def _check_direction(training: Training, options: TaskOptions) -> None:
    """A schedule that waits for a score to fall, when higher is better, would slow down a good training."""
    mode = getattr(training.scheduler, "mode", None)
    wanted = "max" if options.score_name else "min"
    if training.by_score and mode in ("min", "max") and mode != wanted:
        raise UsageError("plateau_mode", wanted=wanted, mode=mode)
