"""The state that training changes, on one rank, and one step of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

from ..errors import UsageError
from ..metrics.best import is_better
from .checkpoint import model_differences
from .config import TrainConfig
from .optimizing import make_optimizer, make_scheduler, needs_argument
from .task import Task, describe
from .task_options import TaskOptions, read_options
from .task_values import check_loss, check_values, split_loss

GRAD_NORM = "grad_norm"
"""Name of the value that clipping gives for nothing: the norm of all gradients before they are clipped."""

AMP_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Training:
    """Model, optimizer, scheduler and scaler of one rank, with the counters that a checkpoint keeps."""

    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        device: torch.device,
        steps: int,
        options: TaskOptions | None = None,
        *,
        find_unused_parameters: bool = False,
    ) -> None:
        """`steps` is the number of batches of the whole run, for the scheduler; `UNKNOWN` for a stream.

        Raises `UsageError` for what the task's functions make and cannot be used.
        """
        self.step = 0
        """Batches done over the whole run."""
        self.values: dict[str, Any] = {}
        """The named values of the newest batch: numbers, or tensors of one element on the device."""
        self._options = options = options or read_options(task)
        self._loss = options.loss
        self._loss_checked = False
        self._config = config
        self._device = device
        self._mixed = config.amp != "off"
        self._scaled = config.amp == "fp16"
        self._grad_clip = config.grad_clip
        self._higher_is_better = bool(options.score_name)
        self.best_score = -math.inf if self._higher_is_better else math.inf
        self.best_epoch = 0
        self.model = task.model().to(device)
        find_unused = options.find_unused_parameters or find_unused_parameters
        self.ddp = DistributedDataParallel(
            self.model,
            device_ids=[device.index] if device.type == "cuda" else None,
            find_unused_parameters=find_unused,
        )
        if device.type == "cpu" and dist.get_world_size() > 2 and not find_unused:
            self._settle_buckets()
        self.optimizer = make_optimizer(options, self.model, config.lr)
        self.by_closure = needs_argument(self.optimizer.step)
        if self.by_closure and self._mixed:
            raise UsageError("closure_amp", optimizer=type(self.optimizer).__name__)
        self.scheduler: Any = make_scheduler(options, self.optimizer, config.epochs, steps)
        self.by_score = self.scheduler is not None and needs_argument(self.scheduler.step)
        """The scheduler is stepped with the score of each epoch."""
        self._by_epoch = self.scheduler is not None and not self.by_score and options.schedule_every == "epoch"
        self._batch_scheduler = None if self.by_score or self._by_epoch else self.scheduler
        self.scaler = torch.amp.GradScaler(device.type, enabled=self._scaled)

    @property
    def lr(self) -> float:
        """The learning rate of the next batch: that of the first group of parameters that learns at all."""
        groups = self.optimizer.param_groups
        lr = groups[0]["lr"]
        if not lr and len(groups) > 1:  # as when the layers below are kept as they are
            lr = next((group["lr"] for group in groups if group["lr"]), lr)
        return float(lr)

    def train_batch(self, batch: Any, forward_done: Callable[[], None]) -> Tensor:
        """Learn from one batch; its loss, detached, still on the device. Calls `forward_done` before backward."""
        if self.by_closure:
            loss = self._learn_by_closure(batch, forward_done)
        else:
            self.optimizer.zero_grad()
            loss = self.forward(batch)
            forward_done()
            self.learn(loss)
        if self._batch_scheduler is not None:
            self._batch_scheduler.step()
        self.step += 1
        return loss.detach()

    def forward(self, batch: Any) -> Tensor:
        """The loss of a batch, with its graph; the values that come with it are in `values`."""
        if self._mixed:
            with self.autocast():
                made = self._loss(self.ddp, batch)
        else:
            made = self._loss(self.ddp, batch)
        loss, self.values = split_loss(made)
        if not self._loss_checked:
            check_loss(loss, learning=True)
            check_values(self.values)
            self._loss_checked = True
        return loss  # type: ignore[no-any-return]

    def learn(self, loss: Tensor, *, step: bool = True) -> None:
        """The backward pass and the optimizer's step, if it is to make a `step`."""
        if self._scaled:
            self._learn_scaled(loss)
            return
        loss.backward()  # type: ignore[no-untyped-call]
        self._clip()
        if step:
            self.optimizer.step()

    def epoch_ended(self, score: float | None) -> None:
        """An epoch is done: step a scheduler that goes by epochs, or by scores if there is one."""
        if self.by_score and score is not None:
            self.scheduler.step(score)
        elif self._by_epoch:
            self.scheduler.step()

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision as configured."""
        if not self._mixed:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=AMP_TYPES[self._config.amp])

    def improved(self, score: float, epoch: int) -> bool:
        """Whether `score` is the best so far; then it is kept."""
        if not is_better(score, self.best_score, higher=self._higher_is_better):
            return False
        self.best_score = score
        self.best_epoch = epoch
        return True

    def state(self) -> dict[str, Any]:
        """Everything above, in types that ``weights_only`` loading accepts."""
        return {
            "step": self.step,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "score": self._options.score_name,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler is not None else None,
            "scaler": self.scaler.state_dict(),
        }

    def load(self, state: dict[str, Any], lr: float) -> None:
        """Go on from what `state` told; raises `UsageError` if the task's model is another one.

        `lr` is the learning rate that the run was configured with when it wrote the state.
        """
        differences = model_differences(self.model, state["model"])
        if differences:
            raise UsageError("resume_model", reason=differences)
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise UsageError("resume_model", reason=describe(error)) from error
        if (self.scheduler is None) != (state["scheduler"] is None):
            raise UsageError("resume_model", reason="scheduler()")
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self.scaler.load_state_dict(state["scaler"])
        self.step = state["step"]
        if state.get("score", "") == self._options.score_name:  # else it was judged by something else
            self.best_score = state["best_score"]
            self.best_epoch = state["best_epoch"]
        if self._config.lr != lr:
            for group in self.optimizer.param_groups:
                group["lr"] = group["lr"] / lr * self._config.lr

    def _learn_scaled(self, loss: Tensor) -> None:
        """The backward pass and the optimizer's step with a loss that is scaled against underflow."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self._grad_clip:
            self.scaler.unscale_(self.optimizer)
            self._clip()
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _settle_buckets(self) -> None:
        """Let DDP lay out its buckets now, in the reverse order of the parameters.

        It does so once, after its first backward. With three ranks and more, the layout says in which order the
        ranks' gradients are added, so the first step of a resumed run would be rounded as no other is.
        """
        self.ddp.module = _SumOfParameters(self.model)
        for _ in range(2):  # the second forward finds out that the first backward is done
            self.ddp().backward()
        self.ddp.module = self.model
        self.model.zero_grad(set_to_none=True)

    def _learn_by_closure(self, batch: Any, forward_done: Callable[[], None]) -> Tensor:
        """A step of an optimizer that computes the loss as often as it likes; the first loss, with its values.

        It decides by the loss what to do next, so each rank gives it the mean over all of them: decisions that
        differ would leave a rank waiting, and weights that differ.
        """
        losses: list[Tensor] = []
        values: list[dict[str, Any]] = []

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            loss = self.forward(batch)
            if not losses:
                losses.append(loss.detach().clone())
                forward_done()
            loss.backward()  # type: ignore[no-untyped-call]
            self._clip()
            values.append(self.values)
            mean = loss.detach().clone()
            if dist.get_world_size() > 1:
                dist.all_reduce(mean)
                mean /= dist.get_world_size()
            return mean

        self.optimizer.step(closure)  # type: ignore[arg-type]  # a closure may return a tensor
        self.values = values[0]
        return losses[0]

    def _clip(self) -> None:
        """Clip the gradient as configured; its norm becomes a value, unless the task has one of that name."""
        if self._grad_clip:
            norm = clip_grad_norm_(self.model.parameters(), self._grad_clip)
            self.values.setdefault(GRAD_NORM, norm)


class _SumOfParameters(nn.Module):
    """Stands in for a model: a scalar that depends on each of its parameters, whose gradients are all 0."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model  # a submodule, as DDP shares its buffers

    def forward(self) -> Tensor:
        used = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        return torch.stack([(parameter.float() * 0).sum() for parameter in used]).sum()
