"""A training on several ranks, each of which prints its losses."""

import os
import signal
import time

import torch
import torch.distributed as dist
from common import DATA, mean_squared, model, tell
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

dist.init_process_group("gloo")
sampler = DistributedSampler(DATA)
workers = int(os.environ.get("WORKERS", "0"))
train = DataLoader(DATA, batch_size=2, sampler=sampler, num_workers=workers, persistent_workers=workers > 0)
net = DistributedDataParallel(model())
optimizer = torch.optim.SGD(net.parameters(), 0.05)
for epoch in range(1, int(os.environ.get("EPOCHS", "2")) + 1):
    sampler.set_epoch(epoch)
    for index, batch in enumerate(train):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tell(epoch, index, loss, 0.05, 2, 5)
        if os.environ.get("KILLED") == f"{dist.get_rank()}@{epoch}":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(os.environ.get("SECONDS", "0")))
dist.destroy_process_group()
