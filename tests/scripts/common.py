"""What the scripts share: data, a model, and telling what a batch really was, for the test to compare."""

import json
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(20, 3)
Y = X.sum(1)
DATA = TensorDataset(X, Y)


def loader(batch_size=4, **options):
    return DataLoader(DATA, batch_size=batch_size, **options)


def model():
    return nn.Linear(3, 1)


def mean_squared(net, batch):
    x, y = batch
    return ((net(x).squeeze(1) - y) ** 2).mean()


def tell(epoch, batch, loss, lr, samples, batches=None, **values):
    """What the monitor must show of this optimizer step; `values` are its named ones."""
    told = {
        "epoch": epoch,
        "batch": batch,
        "loss": loss if isinstance(loss, float) else loss.item(),
        "lr": lr,
        "samples": samples,
        "batches": batches,
        "values": values,
    }
    sys.stdout.write(f"{json.dumps(told)}\n")  # in one piece, as other ranks write too
    sys.stdout.flush()


def tell_weights(*nets):
    """The final weights, to the last bit."""
    for net in nets:
        print("weights", [value.hex() for part in net.parameters() for value in part.double().flatten().tolist()])
    sys.stdout.flush()
