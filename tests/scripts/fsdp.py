"""A training on ranks that hold a part of the model each."""

import torch
import torch.distributed as dist
from common import DATA, mean_squared, tell
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader, DistributedSampler

dist.init_process_group("gloo")
net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1))
for part in net:
    fully_shard(part)
fully_shard(net)
optimizer = torch.optim.Adam(net.parameters(), 0.05)
for epoch in range(1, 3):
    for index, batch in enumerate(DataLoader(DATA, batch_size=2, sampler=DistributedSampler(DATA))):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        tell(epoch, index, loss, 0.05, 2, 5)
dist.destroy_process_group()
