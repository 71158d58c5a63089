"""What the hooks of an unchanged script cost a batch: ``python -m tests.bench.hooks_cost``.

A process trains a tiny model on one thread of torch; its events go to a process that reads them from a socket.
Turns of a hundred batches with the hooks and without them follow each other, as the machine may be another one a
second later: for the turns without, what the hooks replace is put back. The cost is the difference of two turns;
its quartiles are those over all pairs of turns.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .results import save

PAIRS = 200
NOT_COUNTED = 10
BATCHES = 100


def plain() -> Callable[[], None]:
    """A loop as everybody writes it."""
    net, loader, optimizer = _parts()

    def loop() -> None:
        for x, y in loader:
            loss = (net(x) - y).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def accumulated() -> Callable[[], None]:
    """Four batches of the loader for a step."""
    net, loader, optimizer = _parts()

    def loop() -> None:
        for index, (x, y) in enumerate(loader):
            loss = (net(x) - y).square().mean() / 4
            loss.backward()
            if index % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()

    return loop


def scaled() -> Callable[[], None]:
    """A gradient scaler."""
    import torch

    net, loader, optimizer = _parts()
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)

    def loop() -> None:
        for x, y in loader:
            loss = (net(x) - y).square().mean()
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    return loop


def two_optimizers() -> Callable[[], None]:
    """Two models that learn in turns from each batch."""
    net, loader, optimizer = _parts()
    other, _, second = _parts()

    def loop() -> None:
        for x, y in loader:
            for one, of_one in ((net, optimizer), (other, second)):
                loss = (one(x) - y).square().mean()
                of_one.zero_grad()
                loss.backward()
                of_one.step()

    return loop


LOOPS = {loop.__name__: loop for loop in (plain, accumulated, scaled, two_optimizers)}


def _parts() -> Any:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    net = torch.nn.Linear(8, 1)
    data = TensorDataset(torch.randn(4 * BATCHES, 8), torch.randn(4 * BATCHES, 1))
    return net, DataLoader(data, batch_size=4), torch.optim.SGD(net.parameters(), lr=1e-6)


def measure(name: str, path: str, told: Connection) -> None:
    """Seconds a batch, bare and with the hooks; runs in a process of its own."""
    import torch

    torch.set_num_threads(1)
    os.environ.update(EVERYBATCH_SOCKET=path, EVERYBATCH_TOKEN="bench")
    from everybatch.reporting.hooks import torch_hooks

    bare = _replaced()
    torch_hooks.install()
    loop = LOOPS[name]()
    loop()  # which is when a loader's iterator is hooked
    hooked = _replaced()
    pairs = []
    for _ in range(PAIRS):
        seconds = []
        for functions in (bare, hooked):
            _put(functions)
            began = time.perf_counter()
            loop()
            seconds.append((time.perf_counter() - began) / BATCHES)
        pairs.append(seconds)
    pairs = pairs[NOT_COUNTED:]
    low, middle, high = statistics.quantiles([with_hooks - without for without, with_hooks in pairs], n=4)
    without = statistics.median(pair[0] for pair in pairs)
    told.send({"name": name, "bare": without, "p25": low, "p50": middle, "p75": high})


def _replaced() -> list[Any]:
    """What the hooks replace, as it is now."""
    import torch
    from torch.optim import optimizer
    from torch.utils.data import DataLoader, dataloader

    places: list[Any] = [
        (torch.autograd, "backward"),
        (torch.optim.Optimizer, "zero_grad"),
        (torch.nn.Module, "zero_grad"),
        (torch.amp.GradScaler, "scale"),
        (torch.amp.GradScaler, "step"),
        (DataLoader, "__iter__"),
        (dataloader._SingleProcessDataLoaderIter, "_next_data"),
    ]
    steps = [optimizer._global_optimizer_pre_hooks, optimizer._global_optimizer_post_hooks]
    return [(owner, name, vars(owner)[name]) for owner, name in places] + [(each, "", dict(each)) for each in steps]


def _put(functions: list[Any]) -> None:
    for owner, name, what in functions:
        if name:
            setattr(owner, name, what)
        else:
            owner.clear()
            owner.update(what)


def _read(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    while connection.recv(1 << 16):
        pass


def main() -> None:
    """Measure all loops, or those that are named, and keep the result."""
    context = multiprocessing.get_context("spawn")
    rows = []
    for name in sys.argv[1:] or LOOPS:
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
            path = str(Path(folder) / "ranks")
            listening.bind(path)
            listening.listen()
            reader = multiprocessing.get_context("fork").Process(target=_read, args=(listening,))
            reader.start()
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=measure, args=(name, path, theirs))
            process.start()
            rows.append(ours.recv())
            process.join()
            reader.join()
            print({key: value if key == "name" else f"{1e6 * value:.2f} us" for key, value in rows[-1].items()})
    save("hooks_cost", rows)


if __name__ == "__main__":
    main()
