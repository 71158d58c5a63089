"""The hooks on backward and on gradient scalers, which tell the observer the losses that a script learns from."""

from __future__ import annotations

import functools
import weakref
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from .losses import UNDIVIDED, Division, division_of
from .observer import Observer
from .untraced import untraced
from .watch import HOOKED, Watch

SCALING = -1
"""Instead of an observer's `in_step`, until an optimizer makes the step that the scaler was asked for."""


class _Unscaled:
    """The newest loss that a gradient scaler scaled, without its graph, which must not live longer for our sake."""

    __slots__ = ("division", "loss", "scaled")

    def __init__(self, scaled: Any, loss: Any, division: Division) -> None:
        self.scaled = weakref.ref(scaled)
        self.loss = loss.detach()
        self.division = division


class BackwardHooks:
    """The functions that stand in for backward, and for those of gradient scalers."""

    def __init__(self) -> None:
        self._unscaled: _Unscaled | None = None

    def hook(self, watch: Watch) -> None:
        """Put the hooks in place."""
        self._hook_backward(watch)
        self._hook_scaler(watch)

    def _hook_backward(self, watch: Watch) -> None:
        original: Any = torch.autograd.backward

        @functools.wraps(original)
        def backward(*arguments: Any, **options: Any) -> Any:
            if not watch.watching:
                return original(*arguments, **options)
            observer = watch.observer
            before = len(observer.losses)
            given = arguments[0] if arguments else options.get("tensors")
            try:
                if type(given) is Tensor and given.is_cpu and self._unscaled is None:
                    if given.numel() == 1 and type(value := given.item()) is float:
                        observer.backward(given, value)
                else:
                    self._see(observer, given)
            except Exception as error:  # noqa: BLE001 - as in all hooks: whatever it is, the training must go on
                watch.failed(error)
            watch.watching = False
            try:
                return original(*arguments, **options)
            except BaseException:
                observer.losses.take_back(before)
                raise
            finally:
                watch.watching = watch.on

        torch.autograd.backward = untraced(backward)

    def _see(self, observer: Observer, tensors: Any) -> None:
        """Something is given to backward: a loss, several of them, or no loss."""
        if isinstance(tensors, Tensor):
            self._see_one(observer, tensors)
        elif isinstance(tensors, (list, tuple)):
            for place, tensor in enumerate(tensors):
                self._see_one(observer, tensor, together=place > 0)

    def _see_one(self, observer: Observer, loss: Any, *, together: bool = False) -> None:
        plain = loss if type(loss) is Tensor else _plain(loss)
        if plain is None or plain.numel() != 1 or not plain.is_floating_point():
            return
        noted, division = self._unscaled, None
        if noted is not None:
            self._unscaled = None
            if noted.scaled() is loss:
                plain, division = noted.loss, noted.division
        value = plain.item() if plain.is_cpu else None
        observer.backward(plain, value, division, together=together)

    def _hook_scaler(self, watch: Watch) -> None:
        scaler = torch.amp.GradScaler
        self._hook_scale(watch, scaler)
        create, step = scaler.__new__, scaler.step

        def create_noted(of: Any, *_: Any, **__: Any) -> Any:
            """In `__init__`, which warns, a hook would be what the warning names."""
            kinds: tuple[Any, ...] = of.__mro__
            for kind in kinds:  # that of FSDP scales in its own way
                if "scale" in vars(kind) and not hasattr(kind.scale, HOOKED):
                    self._hook_scale(watch, kind)
            return create(of)

        @functools.wraps(step)
        def step_noted(this: Any, optimizer: Any, *arguments: Any, **options: Any) -> Any:
            watch.observer.in_step = SCALING
            result = step(this, optimizer, *arguments, **options)
            if (
                watch.on and watch.observer.in_step == SCALING and isinstance(optimizer, Optimizer)
            ):  # it found an inf, and the optimizer made no step
                try:
                    watch.observer.stepped(optimizer, skipped=True)
                except Exception as error:  # noqa: BLE001
                    watch.failed(error)
            return result

        scaler.__new__ = staticmethod(create_noted)  # type: ignore[method-assign, assignment]
        scaler.step = step_noted  # type: ignore[method-assign, assignment]

    def _hook_scale(self, watch: Watch, kind: Any) -> None:
        original = kind.scale

        @functools.wraps(original)
        def scale(this: Any, outputs: Any) -> Any:
            scaled = original(this, outputs)
            if watch.on and isinstance(outputs, Tensor) and scaled is not outputs:
                division = division_of(outputs) if watch.observer.wants_division else UNDIVIDED
                self._unscaled = _Unscaled(scaled, outputs, division)
            return scaled

        setattr(scale, HOOKED, True)
        kind.scale = scale


def _plain(loss: Any) -> Any:
    """The loss without what a subclass of tensors does beside computing.

    None for what is no tensor, and for one of which other ranks have parts.
    """
    if not isinstance(loss, Tensor):
        return None
    if hasattr(loss, "placements") and hasattr(loss, "to_local"):
        if not all(placement.is_replicate() for placement in loss.placements):
            return None  # to ask for the whole would wait for the others
        loss = loss.to_local()
    return loss.as_subclass(Tensor)
