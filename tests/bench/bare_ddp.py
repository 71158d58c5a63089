"""The default task in a plain DDP script, as one would write it: ``torchrun tests/bench/bare_ddp.py``.

The same model, data, batch size and optimizer as ``everybatch train``, and nothing else. Rank 0 tells when its
first batch was done and how long each epoch's training took.
"""

from __future__ import annotations

import os
import sys
import time

import torch
import torch.distributed as dist
from everybatch.engine.config import TrainConfig
from everybatch.engine.tasks.phantoms import Phantoms
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler


def main() -> None:
    """Train for the number of epochs in the first argument."""
    epochs = int(sys.argv[1])
    dist.init_process_group("gloo")
    rank, world_size = dist.get_rank(), dist.get_world_size()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // world_size))
    task = Phantoms(TrainConfig())
    torch.manual_seed(0)
    model = DistributedDataParallel(task.model())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    sampler = DistributedSampler(task.train_data())
    loader = DataLoader(task.train_data(), batch_size=4, sampler=sampler)
    for epoch in range(1, epochs + 1):
        sampler.set_epoch(epoch)
        began = time.monotonic()
        for step, batch in enumerate(loader):
            loss = task.loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if rank == 0 and epoch == 1 and step == 0:
                print(f"first {time.time():.3f}", flush=True)
        if rank == 0:
            print(f"epoch {time.monotonic() - began:.4f}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
