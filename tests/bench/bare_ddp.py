"""The default task in a plain DDP script, as one would write it: ``torchrun tests/bench/bare_ddp.py EPOCHS``.

The same model, data, batch size and optimizer as ``everybatch train``, and nothing else. Rank 0 tells when its
first batch was done.
"""

from __future__ import annotations

import sys
import time

import torch
import torch.distributed as dist
from everybatch.engine.config import TrainConfig
from everybatch.engine.task import build_task
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler


def main() -> None:
    """Train."""
    epochs = int(sys.argv[1])
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    task = build_task(TrainConfig())
    torch.manual_seed(0)
    model = DistributedDataParallel(task.model())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    sampler = DistributedSampler(task.train_data())
    loader = DataLoader(task.train_data(), batch_size=4, sampler=sampler)
    step = 0
    for epoch in range(1, epochs + 1):
        sampler.set_epoch(epoch)
        for batch in loader:
            loss = task.loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if rank == 0 and step == 0:
                print(f"first {time.time():.3f}", flush=True)
            step += 1
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
