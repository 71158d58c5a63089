"""A stream without length, read by a worker process."""

import torch
from common import X, Y, mean_squared, model, tell
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(X, Y, strict=True)


if __name__ == "__main__":
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for epoch in range(1, 3):
        for index, batch in enumerate(DataLoader(Stream(), batch_size=4, num_workers=1)):
            loss = mean_squared(net, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            tell(epoch, index, loss, 0.1, 4)
