"""The hooks on torch: backward, optimizer steps and cleared gradients, the gradient scaler, data loaders.

They report to an `Observer` and change nothing: each calls what it replaces with the same arguments, and hands on
what that returns or raises. A fault of ours turns all hooks off and is told once.
"""

from __future__ import annotations

import functools
import os
import sys
import weakref
from collections.abc import Callable
from time import monotonic
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader

from ...log.streams import say_line
from ..lengths import length_of
from ..reporter import Reporter
from ..rungs import RUNGS
from ..samples import SampleCounter
from ..socket_channel import Address, SocketChannel
from .endings import hook_endings
from .epochs import Epochs
from .losses import UNDIVIDED, Accumulation, Division, division_of
from .observer import Observer
from .passes import LoaderPass, begin_pass, pass_of
from .saved import watch_saved_hooks
from .turns import Turns
from .untraced import leave_untraced, untraced

NEXT = "_next_data"
"""Torch's own name of what a loader's iterator does to get a batch. Iterators without it are not seen."""
OURS = (
    __name__,
    *(each.__module__ for each in (Observer, Epochs, LoaderPass, Turns, Accumulation, Reporter, SampleCounter)),
)
"""The modules whose functions run on the training thread."""
SCALING = -1
"""Instead of an observer's `in_step`, until an optimizer makes the step that the scaler was asked for."""
HOOKED = "_everybatch"
"""Of functions that stand in for others already."""


def install() -> None:
    """Hook torch in this process, if the environment tells where the run process listens."""
    address = Address.of_environment()
    if address is None:
        return
    hooks = Hooks(functools.partial(_connected, address))
    if RUNGS.hook(hooks):
        hooks.install()


def _connected(address: Address, device: str) -> Reporter:
    rank, world_size = _place()
    channel = SocketChannel(address)
    os.register_at_fork(after_in_child=channel.close)
    return Reporter(channel, rank=rank, world_size=world_size, device=device, on_gone=_say_unwatched)


def _say_unwatched(error: Exception) -> None:
    say_line(f"everybatch: this training is not watched any more: {error}")


def _place() -> tuple[int, int]:
    """Rank and world size: as torch.distributed has them, else as the launcher told them, else the only one."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    try:
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        return 0, 1


class _Unscaled:
    """The newest loss that a gradient scaler scaled, without its graph, which must not live longer for our sake."""

    __slots__ = ("division", "loss", "scaled")

    def __init__(self, scaled: Any, loss: Any, division: Division) -> None:
        self.scaled = weakref.ref(scaled)
        self.loss = loss.detach()
        self.division = division


class Hooks:
    """The functions that stand in for torch's own."""

    def __init__(self, connect: Callable[[str], Reporter]) -> None:
        self._connect = connect
        self._observer = Observer(connect, length_of)
        self._on = True
        self._ended = False
        """The last word was said."""
        self._watching = True
        """They are on, and outside of a backward. That may call another one, as checkpointed parts do, whose
        tensors are no losses."""
        self._unscaled: _Unscaled | None = None

    def install(self) -> None:
        """Put the hooks in place."""
        self._hook_backward()
        self._hook_steps()
        self._hook_zero_grad(
            Optimizer, lambda this: (one for group in this.param_groups for one in group["params"])
        )
        self._hook_zero_grad(torch.nn.Module, lambda this: this.parameters())
        self._hook_scaler()
        self._hook_loaders()
        watch_saved_hooks()
        hook_endings(self._finish, self._fail, self._thread_failed)
        os.register_at_fork(after_in_child=self._forked)
        leave_untraced([sys.modules[each] for each in OURS])

    # ---- faults and ends ----------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        """A fault of ours: all hooks are off from here on."""
        self._on = self._watching = False
        self._observer.break_off()
        if not self._observer.warn("hook_failed", error=f"{type(error).__name__}: {error}"):
            _say_unwatched(error)

    def _end(self, say: Callable[..., None], *arguments: Any) -> None:
        if self._ended:
            return
        self._on = self._watching = False
        self._ended = True
        try:
            say(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the process must end as it would without us
            _say_unwatched(error)

    def _finish(self) -> None:
        self._end(self._observer.finish)

    def _fail(self, error: BaseException) -> None:
        self._end(self._observer.fail, error)

    def hand_over(self) -> tuple[int, int]:
        """The training tells of itself from here on: the steps and epochs that were told."""
        self._end(self._observer.hand_over)
        return self._observer.steps, self._observer.epoch

    def _thread_failed(self, error: BaseException) -> None:
        if self._on:
            self._observer.warn("thread_failed", error=f"{type(error).__name__}: {error}")

    def _forked(self) -> None:
        """In a process forked from this one: a loader's worker, or a rank if this one has not trained itself."""
        self._on = self._on and not self._observer.trains
        self._ended = not self._on
        self._watching = self._on
        self._observer = Observer(self._connect, length_of)

    # ---- the loss -----------------------------------------------------------------------------------------

    def _hook_backward(self) -> None:
        original: Any = torch.autograd.backward

        @functools.wraps(original)
        def backward(*arguments: Any, **options: Any) -> Any:
            if not self._watching:
                return original(*arguments, **options)
            observer = self._observer
            before = len(observer.losses)
            given = arguments[0] if arguments else options.get("tensors")
            try:
                if type(given) is Tensor and given.is_cpu and self._unscaled is None:
                    if given.numel() == 1 and type(value := given.item()) is float:
                        observer.backward(given, value)
                else:
                    self._see(given)
            except Exception as error:  # noqa: BLE001 - as in all hooks: whatever it is, the training must go on
                self._failed(error)
            self._watching = False
            try:
                return original(*arguments, **options)
            except BaseException:
                observer.take_back(before)
                raise
            finally:
                self._watching = self._on

        torch.autograd.backward = untraced(backward)

    def _see(self, tensors: Any) -> None:
        """Something is given to backward: a loss, several of them, or no loss."""
        if isinstance(tensors, Tensor):
            self._see_one(tensors)
        elif isinstance(tensors, (list, tuple)):
            for place, tensor in enumerate(tensors):
                self._see_one(tensor, together=place > 0)

    def _see_one(self, loss: Any, *, together: bool = False) -> None:
        plain = loss if type(loss) is Tensor else _plain(loss)
        if plain is None or plain.numel() != 1 or not plain.is_floating_point():
            return
        noted, division = self._unscaled, None
        if noted is not None:
            self._unscaled = None
            if noted.scaled() is loss:
                plain, division = noted.loss, noted.division
        value = plain.item() if plain.is_cpu else None
        self._observer.backward(plain, value, division, together=together)

    def _hook_scaler(self) -> None:
        scaler = torch.amp.GradScaler
        self._hook_scale(scaler)
        create, step = scaler.__new__, scaler.step

        def create_noted(of: Any, *_: Any, **__: Any) -> Any:
            """In `__init__`, which warns, a hook would be what the warning names."""
            kinds: tuple[Any, ...] = of.__mro__
            for kind in kinds:  # that of FSDP scales in its own way
                if "scale" in vars(kind) and not hasattr(kind.scale, HOOKED):
                    self._hook_scale(kind)
            return create(of)

        @functools.wraps(step)
        def step_noted(this: Any, optimizer: Any, *arguments: Any, **options: Any) -> Any:
            self._observer.in_step = SCALING
            result = step(this, optimizer, *arguments, **options)
            if (
                self._on and self._observer.in_step == SCALING and isinstance(optimizer, Optimizer)
            ):  # it found an inf, and the optimizer made no step
                try:
                    self._observer.stepped(optimizer, skipped=True)
                except Exception as error:  # noqa: BLE001
                    self._failed(error)
            return result

        scaler.__new__ = staticmethod(create_noted)  # type: ignore[method-assign, assignment]
        scaler.step = step_noted  # type: ignore[method-assign, assignment]

    def _hook_scale(self, kind: Any) -> None:
        original = kind.scale

        @functools.wraps(original)
        def scale(this: Any, outputs: Any) -> Any:
            scaled = original(this, outputs)
            if self._on and isinstance(outputs, Tensor) and scaled is not outputs:
                division = division_of(outputs) if self._observer.wants_division else UNDIVIDED
                self._unscaled = _Unscaled(scaled, outputs, division)
            return scaled

        setattr(scale, HOOKED, True)
        kind.scale = scale

    # ---- steps --------------------------------------------------------------------------------------------

    def _hook_steps(self) -> None:
        def before(optimizer: Any, arguments: Any, options: Any) -> None:
            self._observer.in_step = 1

        def after(optimizer: Any, arguments: Any, options: Any) -> None:
            if self._on:
                try:
                    self._observer.stepped(optimizer)
                except Exception as error:  # noqa: BLE001
                    self._failed(error)

        register_optimizer_step_pre_hook(untraced(before))
        register_optimizer_step_post_hook(untraced(after))

    def _hook_zero_grad(self, kind: Any, parameters: Callable[[Any], Any]) -> None:
        original = kind.zero_grad

        @functools.wraps(original)
        def zero_grad(this: Any, *arguments: Any, **options: Any) -> Any:
            if self._on and self._observer.losses and not torch.compiler.is_compiling():
                try:
                    self._observer.cleared({id(one) for one in parameters(this)})
                except Exception as error:  # noqa: BLE001
                    self._failed(error)
            return original(this, *arguments, **options)

        kind.zero_grad = zero_grad

    # ---- data ---------------------------------------------------------------------------------------------

    def _hook_loaders(self) -> None:
        """Those of subclasses too, which may iterate in their own way."""
        kinds: Any = DataLoader
        begin = kinds.__init_subclass__.__func__

        def begin_subclass(kind: Any, /, **options: Any) -> None:
            begin(kind, **options)
            if "__iter__" in vars(kind):
                self._hook_iter(kind)

        self._hook_iter(kinds)
        kinds.__init_subclass__ = classmethod(begin_subclass)

    def _hook_iter(self, kind: Any) -> None:
        original = kind.__iter__

        @functools.wraps(original)
        def iterate(loader: Any) -> Any:
            iterator = original(loader)
            if self._on and hasattr(type(iterator), NEXT):
                try:
                    self._hook_next(type(iterator))
                    begin_pass(loader, iterator, trains=torch.is_grad_enabled())
                except Exception as error:  # noqa: BLE001
                    self._failed(error)
            return iterator

        kind.__iter__ = iterate

    def _hook_next(self, kind: Any) -> None:
        """Time what an iterator does within its `__next__`, which stays as it is: its warnings name its caller."""
        owner = next(each for each in kind.__mro__ if NEXT in vars(each))
        original = vars(owner)[NEXT]
        if hasattr(original, HOOKED):
            return

        @functools.wraps(original)
        def next_data(iterator: Any) -> Any:
            one = pass_of(iterator) if self._on else None
            if one is None:
                return original(iterator)
            observer = self._observer
            usual = one is observer.usual
            if not usual:
                self._tell(observer.batch_begins, one)
            began = monotonic()
            try:
                batch = original(iterator)
            except StopIteration:
                self._tell(observer.exhausted, one)
                raise
            one.waited += monotonic() - began
            one.given += 1
            try:
                first = batch[0] if one.stacked and type(batch) is list else None
                if type(first) is Tensor and first.dim():  # as most of them are
                    one.sizes.append(first.size(0))
                else:
                    one.sizes.append(one.counter.count(batch))
                if not usual:
                    observer.gave(one)
            except Exception as error:  # noqa: BLE001
                self._failed(error)
            return batch

        setattr(next_data, HOOKED, True)
        setattr(owner, NEXT, next_data)

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:
        try:
            what(*arguments)
        except Exception as error:  # noqa: BLE001
            self._failed(error)


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
