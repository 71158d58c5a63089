"""A task that trains in no time: fit a line, in float64. It fails as the environment tells it."""

import multiprocessing
import os
import signal
import sys
import time

import torch
from torch import nn


def a_step_that_never_ends():
    time.sleep(3600)


def raise_an_error():
    raise ValueError("a fault of rank 1 [/red] \x1b[31m")


FAULTS = {
    "raise": raise_an_error,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(0),
    "sys.exit": lambda: sys.exit(0),
    "hang": a_step_that_never_ends,
    "memory": lambda: torch.empty(1 << 50),
}
"""What ``TINY_FAULT=NAME@STEP`` does to rank 1 before that step; NAME can be ``nan`` too."""


class Tiny:
    def __init__(self):
        random = torch.Generator().manual_seed(7)
        self.samples = int(os.environ.get("TINY_SAMPLES", "96"))
        self.x = torch.randn(self.samples, 3, generator=random, dtype=torch.float64)
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1
        self.step = 0

    def model(self):
        return nn.Linear(3, 1).double()

    def train_data(self):
        return torch.utils.data.TensorDataset(torch.arange(self.samples), self.x, self.y)

    def val_data(self):
        return None

    def optimizer(self, model, lr):
        return torch.optim.SGD(model.parameters(), lr=lr)

    def loss(self, model, batch):
        _, x, y = batch
        self.step += 1
        if multiprocessing.current_process().name != "trial":
            time.sleep(float(os.environ.get("TINY_SECONDS", "0")))
        fault, _, at = os.environ.get("TINY_FAULT", "none@0").partition("@")
        if os.environ["RANK"] == "1" and self.step == int(at):
            if fault == "nan":
                x = x * float("nan")
            else:
                FAULTS[fault]()
        return ((model(x).squeeze(1) - y) ** 2).mean()
