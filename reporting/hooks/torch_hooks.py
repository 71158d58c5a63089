"""The hooks on torch, all on public names: backward, optimizer steps, the gradient scaler, data loaders.

They report to an `Observer` and change nothing: each calls what it replaces with the same arguments, and hands on
what that returns or raises. A fault of ours turns all hooks off and is told once.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader

from ..reporter import Reporter
from ..samples import count_samples
from ..socket_channel import Address, SocketChannel
from .observer import Observer


def install() -> None:
    """Hook torch in this process, if the environment tells where the run process listens."""
    address = Address.of_environment()
    if address is not None:
        Hooks(Observer(functools.partial(_connected, address))).install()


def _connected(address: Address, device: str) -> Reporter:
    rank, world_size = _place()
    channel = SocketChannel(address)
    os.register_at_fork(after_in_child=channel.close)
    return Reporter(channel, rank=rank, world_size=world_size, device=device, on_gone=_say_unwatched)


def _say_unwatched(error: OSError) -> None:
    print(f"everybatch: this training is not watched any more: {error}", file=sys.stderr)


def _place() -> tuple[int, int]:
    """Rank and world size: as torch.distributed has them, else as the launcher told them, else the only one."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class Hooks:
    """The functions that stand in for torch's own."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._on = True
        self._unscaled: tuple[int, Any] = (0, None)
        """Identity of the newest scaled loss, and the loss itself."""

    def install(self) -> None:
        """Put the hooks in place."""
        self._hook_backward()
        self._hook_scaler()
        self._hook_loaders()
        register_optimizer_step_pre_hook(lambda *_: self._tell(self._observer.step_begins))
        register_optimizer_step_post_hook(lambda optimizer, *_: self._tell(self._observer.stepped, optimizer))
        self._hook_end()

    def _tell(self, what: Callable[..., Any], *arguments: Any) -> Any:
        """Call the observer; a fault of ours turns the hooks off."""
        if not self._on or not self._observer.active:
            return None
        try:
            return what(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the training must go on
            self._on = False
            self._observer.warn("hook_failed", error=f"{type(error).__name__}: {error}")
            return None

    # ---- the loss -----------------------------------------------------------------------------------------

    def _hook_backward(self) -> None:
        original = torch.autograd.backward

        @functools.wraps(original)
        def backward(tensors: Any, *arguments: Any, **options: Any) -> Any:
            loss = tensors if isinstance(tensors, torch.Tensor) else tensors[0] if len(tensors) == 1 else None
            if loss is not None and loss.numel() == 1 and loss.is_floating_point():
                scaled, unscaled = self._unscaled
                self._tell(self._observer.backward, unscaled if scaled == id(loss) else loss)
                self._unscaled = (0, None)
            return original(tensors, *arguments, **options)

        torch.autograd.backward = backward

    def _hook_scaler(self) -> None:
        scaler = torch.amp.GradScaler
        scale, step = scaler.scale, scaler.step

        @functools.wraps(scale)
        def scale_noted(this: Any, outputs: Any) -> Any:
            scaled = scale(this, outputs)
            if isinstance(outputs, torch.Tensor) and scaled is not outputs:
                self._unscaled = (id(scaled), outputs)
            return scaled

        @functools.wraps(step)
        def step_noted(this: Any, optimizer: Any, *arguments: Any, **options: Any) -> Any:
            before = self._observer.steps
            result = step(this, optimizer, *arguments, **options)
            if self._observer.steps == before:  # it found an inf, and the optimizer made no step
                self._tell(self._observer.stepped, optimizer)
            return result

        scaler.scale = scale_noted  # type: ignore[method-assign, assignment]
        scaler.step = step_noted  # type: ignore[method-assign, assignment]

    # ---- data ---------------------------------------------------------------------------------------------

    def _hook_loaders(self) -> None:
        original = DataLoader.__iter__
        hooks = self

        @functools.wraps(original)
        def iterate(loader: Any) -> Any:
            iterator = original(loader)
            return hooks._timed(iterator, loader)

        DataLoader.__iter__ = iterate  # type: ignore[method-assign]

    def _timed(self, iterator: Any, loader: Any) -> Any:
        timed = self._tell(_Timed, iterator, loader, self)
        return iterator if timed is None else timed

    # ---- the end ------------------------------------------------------------------------------------------

    def _hook_end(self) -> None:
        original = sys.excepthook

        def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            self._tell(self._observer.fail, error)
            original(kind, error, trace)

        sys.excepthook = on_exception
        atexit.register(self._tell, self._observer.finish)


class _Timed:
    """A loader's iterator, with the time that each `next` takes."""

    def __init__(self, iterator: Any, loader: Any, hooks: Hooks) -> None:
        self._iterator = iterator
        self._hooks = hooks
        self._observer = hooks._observer
        try:
            length = len(loader)
        except Exception:  # noqa: BLE001 - a stream; or the dataset's own code, whose fault is not for us to raise
            length = None
        self._pass = self._observer.pass_began(length, trains=torch.is_grad_enabled())

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return len(self._iterator)

    def __next__(self) -> Any:
        began = time.monotonic()
        try:
            batch = next(self._iterator)
        except StopIteration:
            self._pass.exhausted = True
            raise
        wait = time.monotonic() - began
        self._hooks._tell(self._gave, batch, wait)
        return batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)

    def _gave(self, batch: Any, wait: float) -> None:
        self._observer.gave(self._pass, count_samples(batch), wait)
