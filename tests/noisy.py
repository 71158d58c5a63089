"""A task with everything that a resume can get wrong: dropout, batch norm, random data, a schedule, a scaler."""

import os
import random
import time

import numpy as np
import torch
from torch import nn


class Noisy(torch.utils.data.Dataset):
    def __init__(self, count, seed):
        self.x = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        time.sleep(float(os.environ.get("NOISY_SECONDS", "0")) / 4)
        noise = 0.1 * torch.randn(3) + 0.1 * random.random() + 0.1 * float(np.random.rand())
        x = self.x[index] + noise
        return x, x @ torch.tensor([1.0, -2.0, 0.5])


class Task:
    def model(self):
        return nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))

    def train_data(self):
        return Noisy(int(os.environ.get("NOISY_SAMPLES", "92")), 1)

    def val_data(self):
        return Noisy(20, 2) if os.environ.get("NOISY_VAL") else None

    def scheduler(self, optimizer, steps):
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)

    def loss(self, model, batch):
        x, y = batch
        return ((model(x).squeeze(1) - y) ** 2).mean()
