"""A loop on several ranks that reports by itself; what goes wrong in it is told by the environment."""

import json
import os
import signal
import sys
import time

import everybatch
import torch
import torch.distributed as dist
from common import DATA, mean_squared, model
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

WHO = os.environ.get("WHO", "all")
"""`all` ranks report; `zero`: only rank 0 knows of everybatch; `logs`: all begin, only rank 0 logs."""
EPOCHS = int(os.environ.get("EPOCHS", "2"))


def main(rank: int | None = None, world_size: int = 0, port: str = "", early: bool = False) -> None:
    run = everybatch.init(epochs=EPOCHS, log_batch_metrics=True) if early else None
    if rank is None:
        dist.init_process_group("gloo")
    else:
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world_size)
    rank = dist.get_rank()
    time.sleep(float(os.environ.get("LATE", "0")) if rank else 0)
    if run is None and (WHO != "zero" or rank == 0):
        run = everybatch.init(epochs=EPOCHS, log_batch_metrics=True)
    sampler = DistributedSampler(DATA, shuffle=False)
    train = DataLoader(DATA, batch_size=2, sampler=sampler, num_workers=int(os.environ.get("WORKERS", "0")))
    net = DistributedDataParallel(model())
    optimizer = torch.optim.SGD(net.parameters(), 0.05)
    step = 0
    for epoch in run.epochs() if run is not None else range(1, EPOCHS + 1):
        for batch in run.batches(train) if run is not None else train:
            loss = mean_squared(net, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            tell(rank=rank, epoch=epoch, step=step, loss=loss.item())
            fault(rank, step)
            if run is not None and (rank == 0 or WHO == "all"):
                own = {"zeros": 1} if rank == 0 else {"ones": 1}
                run.log(loss=loss, lr=0.05, tokens=everybatch.sum(10), **(own if step % 2 else {}))
            time.sleep(float(os.environ.get("SECONDS", "0")))
    tell(rank=rank, last=step)
    dist.destroy_process_group()


def tell(**what: object) -> None:
    """One line in one piece, as several ranks write."""
    os.write(1, (json.dumps(what) + "\n").encode())


def fault(rank: int, step: int) -> None:
    if os.environ.get("FAULT_AT") == f"{rank}@{step}":
        match os.environ["FAULT"]:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "raise":
                raise ValueError("no more")
            case "exit":
                sys.exit(3)


if __name__ == "__main__":
    main()
