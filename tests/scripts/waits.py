"""Who waits for data: the training for its own two loaders, a validation in between, a thread that reads ahead."""

import queue
import threading
import time

import torch
from common import DATA, loader, mean_squared, model, tell
from torch.utils.data import DataLoader, Dataset

net, train = model(), loader()
optimizer = torch.optim.SGD(net.parameters(), 0.1)


class Slow(Dataset):
    def __init__(self, size, seconds):
        self.size, self.seconds = size, seconds

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        time.sleep(self.seconds)
        return DATA[index]


class Ahead(DataLoader):
    """As it is often copied: a thread takes all batches of the loader and puts them into a queue."""

    def __iter__(self):
        batches = queue.Queue(3)
        threading.Thread(target=self.fill, args=(super().__iter__(), batches)).start()
        return iter(batches.get, None)

    def fill(self, iterator, batches):
        for batch in iterator:
            batches.put(batch)
        batches.put(None)


def learn(epoch, index, *batches):
    loss = sum(mean_squared(net, batch) for batch in batches)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    tell(epoch, index, loss, 0.1, 4, 5)


for index, batch in enumerate(train):
    learn(1, index, batch)
    if index in (2, 4):
        for _ in DataLoader(Slow(2, 0.5)):
            pass
for index, batches in enumerate(zip(DataLoader(Slow(5, 0.1)), train, strict=False)):
    learn(2, index, *batches)
for epoch in (3, 4):
    for index, batch in enumerate(Ahead(DATA, batch_size=4)):
        learn(epoch, index, batch)
