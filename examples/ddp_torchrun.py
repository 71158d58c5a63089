"""Training with DistributedDataParallel under torchrun: the two lines on every rank are one run of all ranks.

``torchrun --standalone --nproc_per_node 2 examples/ddp_torchrun.py``
"""

import everybatch
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

EPOCHS = 3

on_gpu = torch.cuda.is_available()
dist.init_process_group("nccl" if on_gpu else "gloo")
device = torch.device("cuda", dist.get_node_local_rank()) if on_gpu else torch.device("cpu")

torch.manual_seed(0)  # the same pictures on all ranks; the sampler gives each its share
labels = torch.arange(1024) % 2
pictures = torch.rand(1024, 1, 16, 16)
pictures[labels == 1, :, 4:8, 4:8] += 0.5
dataset = TensorDataset(pictures, labels)
sampler: DistributedSampler[int] = DistributedSampler(dataset)
loader = DataLoader(dataset, batch_size=16, sampler=sampler)

model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(4), nn.Flatten(), nn.Linear(128, 2))
model = DistributedDataParallel(model.to(device))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

with everybatch.init(epochs=EPOCHS) as run:
    for epoch in run.epochs():
        sampler.set_epoch(epoch)
        for picture, label in run.batches(loader):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(picture.to(device)), label.to(device))
            loss.backward()
            optimizer.step()
            run.log(loss=loss, lr=optimizer.param_groups[0]["lr"])
dist.destroy_process_group()
