"""A task in a plain DDP script, as one would write it: ``torchrun tests/bench/bare_ddp.py EPOCHS [TASK [FILE]]``.

The same model, data, batch size and optimizer as ``everybatch train``, and nothing else. Rank 0 tells when its
first batch was done, or writes the epoch and the time of the end of each step into FILE.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from everybatch.engine.config import TrainConfig
from everybatch.engine.task import build_task
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

Ends = np.memmap[Any, np.dtype[np.float64]]


def ends_of_steps(path: str, mode: Literal["w+", "r+"] = "r+") -> Ends:
    """The open FILE, [steps, 2]; zeros for a step that is not done. `w+` makes it."""
    return np.memmap(path, mode=mode, shape=(1 << 21, 2), dtype=np.float64)


def main() -> None:
    """Train."""
    epochs = int(sys.argv[1])
    name = sys.argv[2] if len(sys.argv) > 2 else "phantoms"
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    ends = ends_of_steps(sys.argv[3]) if len(sys.argv) > 3 and rank == 0 else None
    task = build_task(TrainConfig(task=name))
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
            if ends is not None:
                ends[step] = epoch, time.monotonic()
            elif rank == 0 and step == 0:
                print(f"first {time.time():.3f}", flush=True)
            step += 1
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
