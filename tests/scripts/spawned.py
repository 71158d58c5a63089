"""Ranks that torch.multiprocessing starts; the second one raises in the end, or is forked (the arguments)."""

import os
import sys

import torch
import torch.multiprocessing as mp
from common import loader, mean_squared, model, tell


def train(rank, fails):
    os.environ.update(RANK=str(rank), WORLD_SIZE="2")
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for index, batch in enumerate(loader()):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tell(1, index, loss, 0.1, 4, 5)
    if fails and rank == 1:
        raise ValueError("no more")


if __name__ == "__main__":
    torch.set_num_threads(1)  # those of a process that forks are gone in its children
    mp.start_processes(train, (sys.argv[2] == "fails",), nprocs=2, start_method=sys.argv[1])
