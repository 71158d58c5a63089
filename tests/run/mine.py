"""A task of a person's own, with the members that a test is about."""

HEAD = """
import os, signal, sys, threading, time
import torch
import torch.distributed as dist
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import IterableDataset, TensorDataset


class Mine:
    samples = 24

    def model(self):
        return nn.Linear(3, 1)

    def train_data(self):
        x = torch.randn(self.samples, 3, generator=torch.Generator().manual_seed(7))
        return TensorDataset(x, x.sum(dim=1, keepdim=True) + 0.1)

    def val_data(self):
        return None

    def loss(self, model, batch):
        return ((model(batch[0]) - batch[1]) ** 2).mean()
"""


def write(folder, body):
    """Write `mine.py` into `folder`; its class `Mine` has the members of `body` too."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    (folder / "mine.py").write_text(f"{HEAD}\n{lines}\n")
