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
from .config import TrainConfig
from .task import Task, describe

AMP_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Training:
    """Model, optimizer, scheduler and scaler of one rank, with the counters that a checkpoint keeps."""

    def __init__(self, task: Task, config: TrainConfig, device: torch.device, steps: int) -> None:
        """`steps` is the number of batches of the whole run, for the scheduler."""
        self.step = 0
        """Batches done over the whole run."""
        self.best_score = math.inf
        self.best_epoch = 0
        self._task = task
        self._config = config
        self._device = device
        self._mixed = config.amp != "off"
        self._scaled = config.amp == "fp16"
        self._grad_clip = config.grad_clip
        self.model = task.model().to(device)
        self.ddp = DistributedDataParallel(self.model, device_ids=[device.index] if device.type == "cuda" else None)
        if device.type == "cpu" and dist.get_world_size() > 2:
            self._settle_buckets()
        self.optimizer = self._make_optimizer()
        make_scheduler = getattr(task, "scheduler", None)
        self.scheduler: Any = make_scheduler(self.optimizer, steps) if make_scheduler else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=self._scaled)

    @property
    def lr(self) -> float:
        """The learning rate of the next batch."""
        return float(self.optimizer.param_groups[0]["lr"])

    def train_batch(self, batch: Any, forward_done: Callable[[], None]) -> Tensor:
        """Learn from one batch; its loss, detached, still on the device. Calls `forward_done` before backward."""
        self.optimizer.zero_grad()
        if self._mixed:
            with self.autocast():
                loss = self._task.loss(self.ddp, batch)
        else:
            loss = self._task.loss(self.ddp, batch)
        forward_done()
        if self._scaled:
            self._learn_scaled(loss)
        else:
            loss.backward()  # type: ignore[no-untyped-call]
            if self._grad_clip:
                clip_grad_norm_(self.model.parameters(), self._grad_clip)
            self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.step += 1
        return loss.detach()

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision as configured."""
        if not self._mixed:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=AMP_TYPES[self._config.amp])

    def improved(self, score: float, epoch: int) -> bool:
        """Whether `score` (lower is better) is the best so far; then it is kept."""
        if not is_better(score, self.best_score):
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
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler is not None else None,
            "scaler": self.scaler.state_dict(),
        }

    def load(self, state: dict[str, Any], lr: float) -> None:
        """Go on from what `state` told; raises `UsageError` if the task's model is another one.

        `lr` is the learning rate that the run was configured with when it wrote the state.
        """
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
            clip_grad_norm_(self.model.parameters(), self._grad_clip)
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

    def _make_optimizer(self) -> torch.optim.Optimizer:
        make: Any = getattr(self._task, "optimizer", None)
        if make is None:
            return torch.optim.Adam(self.model.parameters(), lr=self._config.lr)
        optimizer: torch.optim.Optimizer = make(self.model, self._config.lr)
        return optimizer


class _SumOfParameters(nn.Module):
    """Stands in for a model: a scalar that depends on each of its parameters, whose gradients are all 0."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model  # a submodule, as DDP shares its buffers

    def forward(self) -> Tensor:
        used = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        return torch.stack([(parameter.float() * 0).sum() for parameter in used]).sum()
