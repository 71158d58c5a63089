"""Some of a loader's batches are skipped: two before the first step, then single ones; later the last half."""

import itertools

import torch
from common import DATA, mean_squared, model, tell
from torch.utils.data import DataLoader

net, train = model(), DataLoader(DATA, batch_size=3)
optimizer = torch.optim.SGD(net.parameters(), 0.1)


def learn(epoch, index, batch, planned, samples=3):
    loss = mean_squared(net, batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    tell(epoch, index, loss, 0.1, samples, planned)


for epoch in (1, 2):
    used = 0
    for index, batch in enumerate(train):
        if index in (0, 1, 3, 5):
            continue
        learn(epoch, used, batch, None if epoch == 1 else 3, 3 if index < 6 else 0)
        used += 1
for epoch, planned in ((3, None), (4, 4)):
    for index, batch in enumerate(itertools.islice(train, 4)):
        learn(epoch, index, batch, planned)
