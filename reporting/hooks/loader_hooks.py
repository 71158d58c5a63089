"""The hooks on data loaders: when a pass begins, what its batches hold and how long a script waits for them."""

from __future__ import annotations

import functools
from time import monotonic
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from .passes import begin_pass, pass_of
from .watch import HOOKED, Watch

NEXT = "_next_data"
"""Torch's own name of what a loader's iterator does to get a batch. Iterators without it are not seen."""


def hook_loaders(watch: Watch) -> None:
    """Put the hooks in place, on subclasses too, which may iterate in their own way."""
    kinds: Any = DataLoader
    begin = kinds.__init_subclass__.__func__

    def begin_subclass(kind: Any, /, **options: Any) -> None:
        begin(kind, **options)
        if "__iter__" in vars(kind):
            _hook_iter(watch, kind)

    _hook_iter(watch, kinds)
    kinds.__init_subclass__ = classmethod(begin_subclass)


def _hook_iter(watch: Watch, kind: Any) -> None:
    original = kind.__iter__

    @functools.wraps(original)
    def iterate(loader: Any) -> Any:
        iterator = original(loader)
        if watch.on and hasattr(type(iterator), NEXT):
            try:
                _hook_next(watch, type(iterator))
                begin_pass(loader, iterator, trains=torch.is_grad_enabled())
            except Exception as error:  # noqa: BLE001
                watch.failed(error)
        return iterator

    kind.__iter__ = iterate


def _hook_next(watch: Watch, kind: Any) -> None:
    """Time what an iterator does within its `__next__`, which stays as it is: its warnings name its caller."""
    owner = next(each for each in kind.__mro__ if NEXT in vars(each))
    original = vars(owner)[NEXT]
    if hasattr(original, HOOKED):
        return

    @functools.wraps(original)
    def next_data(iterator: Any) -> Any:
        one = pass_of(iterator) if watch.on else None
        if one is None:
            return original(iterator)
        observer = watch.observer
        usual = one is observer.usual
        if not usual:
            watch.tell(observer.batch_begins, one)
        began = monotonic()
        try:
            batch = original(iterator)
        except StopIteration:
            watch.tell(observer.exhausted, one)
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
            watch.failed(error)
        return batch

    setattr(next_data, HOOKED, True)
    setattr(owner, NEXT, next_data)
