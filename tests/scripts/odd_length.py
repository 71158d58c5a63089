"""A stream whose length is asked for in vain, with an error that torch's loader never meets."""

import torch
from common import X, Y, mean_squared, model, tell
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(X, Y, strict=True)

    def __len__(self):
        raise RuntimeError("not counted yet")


if __name__ == "__main__":
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for index, batch in enumerate(DataLoader(Stream(), batch_size=4)):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tell(1, index, loss, 0.1, 4)
