"""All kinds of loaders, with and without a length; run with ``-W error``, so that no warning may be new."""

import torch
from common import DATA, X, Y, mean_squared, model, tell
from torch.utils.data import BatchSampler, DataLoader, IterableDataset


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(X, Y, strict=True)


class Sized(Stream):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size


if __name__ == "__main__":
    net = model()
    rate = torch.tensor(0.125, requires_grad=True)
    optimizer = torch.optim.SGD(net.parameters(), rate)
    batches = BatchSampler(range(20), 4, drop_last=True)
    loaders = [
        (DataLoader(DATA, batch_size=4, shuffle=True), 5),
        (DataLoader(DATA, batch_sampler=batches), 5),
        (DataLoader(DATA, sampler=batches, batch_size=None), 5),
        (DataLoader(Stream(), batch_size=4), None),
        (DataLoader(Sized(20), batch_size=4), 5),
        (DataLoader(Sized(20), batch_size=4, num_workers=1), 5),
        (DataLoader(Sized(8), batch_size=4), None),
        (DataLoader(DATA, batch_size=4, num_workers=1, persistent_workers=True), 5),
    ]
    for epoch, (loader, length) in enumerate(loaders, 1):
        for index, batch in enumerate(loader):
            loss = mean_squared(net, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            tell(epoch, index, loss, 0.125, 4, length)
