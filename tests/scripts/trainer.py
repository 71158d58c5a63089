"""The shape of a well-known trainer: batches are fetched before their step, one is read ahead, evaluation has grad.

Each loss is a sum over its own samples divided by the number of samples of the whole step.
"""

import itertools

import torch
from common import DATA, loader, model, tell
from torch.utils.data import Subset

net, train = model(), loader(batch_size=3)
evaluation = torch.utils.data.DataLoader(Subset(DATA, range(4)), batch_size=4)
optimizer = torch.optim.SGD(net.parameters(), 0.1)


def ahead(batches):
    batches = iter(batches)
    batch = next(batches)
    for following in batches:
        yield batch
        batch = following
    yield batch


def squares(batch):
    x, y = batch
    return ((net(x).squeeze(1) - y) ** 2).sum()


for epoch in range(1, 4):
    batches = ahead(train)
    for step in range(3):
        fetched = list(itertools.islice(batches, 3))
        samples = sum(len(x) for x, _ in fetched)
        total = 0.0
        for batch in fetched:
            loss = squares(batch) / torch.tensor(samples)
            total += loss.item()
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        tell(epoch, step, total, 0.1, samples, 3)
    for batch in evaluation:
        squares(batch)
