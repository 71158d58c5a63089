"""The task of a run that version 0.1 recorded: fit a line, in float64, with a validation and a metric."""

import time

import torch
from torch import nn

SAMPLES = 96


class FittedLine:
    """Two ranks with batches of 4 make 12 batches an epoch of it."""

    metric_names = ("mae",)

    def __init__(self):
        random = torch.Generator().manual_seed(7)
        self.x = torch.randn(SAMPLES, 3, generator=random, dtype=torch.float64)
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1

    def model(self):
        return nn.Linear(3, 1).double()

    def train_data(self):
        return torch.utils.data.TensorDataset(self.x, self.y)

    def val_data(self):
        return torch.utils.data.TensorDataset(self.x[:16], self.y[:16])

    def loss(self, model, batch):
        x, y = batch
        time.sleep(0.02)
        return ((model(x).squeeze(1) - y) ** 2).mean()

    def metrics(self, model, batch):
        x, y = batch
        return {"mae": (model(x).squeeze(1) - y).abs().mean()}
