"""The hooks on torch: backward, optimizer steps and cleared gradients, the gradient scaler, data loaders.

They report to an `Observer` and change nothing: each calls what it replaces with the same arguments, and hands on
what that returns or raises.
"""

from __future__ import annotations

import functools
import os
import sys

import torch

from ..reporter import Reporter
from ..rungs import RUNGS
from ..samples import SampleCounter
from ..socket_channel import Address, SocketChannel
from .backward_hooks import BackwardHooks
from .endings import hook_endings
from .epochs import Epochs
from .learning_rate import learning_rate
from .loader_hooks import hook_loaders
from .losses import division_of
from .observer import Observer
from .passes import LoaderPass
from .remarks import Remarks
from .saved import watch_saved_hooks
from .step_hooks import hook_steps
from .step_losses import StepLosses
from .turns import Turns
from .untraced import leave_untraced
from .watch import Watch, say_unwatched

HOOKING = (BackwardHooks, hook_steps, hook_loaders, Watch)
OBSERVING = (Observer, Epochs, LoaderPass, Turns, StepLosses, Remarks, division_of, learning_rate)
REPORTING = (Reporter, SampleCounter)
OURS = (__name__, *(each.__module__ for each in (*HOOKING, *OBSERVING, *REPORTING)))
"""The modules whose functions run on the training thread."""


def install() -> None:
    """Hook torch in this process, if the environment tells where the run process listens."""
    address = Address.of_environment()
    if address is None:
        return
    watch = Watch(functools.partial(_connected, address))
    if RUNGS.hook(watch):
        _hook(watch)


def _hook(watch: Watch) -> None:
    BackwardHooks().hook(watch)
    hook_steps(watch)
    hook_loaders(watch)
    watch_saved_hooks()
    hook_endings(watch.finish, watch.fail, watch.thread_failed)
    os.register_at_fork(after_in_child=watch.forked)
    leave_untraced([sys.modules[each] for each in OURS])


def _connected(address: Address, device: str) -> Reporter:
    rank, world_size = _place()
    channel = SocketChannel(address)
    os.register_at_fork(after_in_child=channel.close)
    return Reporter(channel, rank=rank, world_size=world_size, device=device, on_gone=say_unwatched)


def _place() -> tuple[int, int]:
    """Rank and world size: as torch.distributed has them, else as the launcher told them, else the only one."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    try:
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        return 0, 1
