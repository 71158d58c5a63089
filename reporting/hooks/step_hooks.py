"""The hooks on the steps of optimizers and on cleared gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from .untraced import untraced
from .watch import Watch


def hook_steps(watch: Watch) -> None:
    """Put the hooks on steps and on gradients in place."""
    _hook_step(watch)
    _hook_zero_grad(watch, Optimizer, lambda this: (one for group in this.param_groups for one in group["params"]))
    _hook_zero_grad(watch, torch.nn.Module, lambda this: this.parameters())


def _hook_step(watch: Watch) -> None:
    def before(optimizer: Any, arguments: Any, options: Any) -> None:
        watch.observer.in_step = 1

    def after(optimizer: Any, arguments: Any, options: Any) -> None:
        if watch.on:
            try:
                watch.observer.stepped(optimizer)
            except Exception as error:  # noqa: BLE001
                watch.failed(error)

    register_optimizer_step_pre_hook(untraced(before))
    register_optimizer_step_post_hook(untraced(after))


def _hook_zero_grad(watch: Watch, kind: Any, parameters: Callable[[Any], Any]) -> None:
    original = kind.zero_grad

    @functools.wraps(original)
    def zero_grad(this: Any, *arguments: Any, **options: Any) -> Any:
        if watch.on and watch.observer.losses and not torch.compiler.is_compiling():
            try:
                watch.observer.losses.gradients_cleared({id(one) for one in parameters(this)})
            except Exception as error:  # noqa: BLE001
                watch.failed(error)
        return original(this, *arguments, **options)

    kind.zero_grad = zero_grad
