"""A trainer that counts the batches of its loader and never asks for one too many; first batches are slow."""

import time

import torch
from common import loader, mean_squared, model, tell, tell_weights

net, train = model(), loader()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for epoch in (1, 2, 3):
    batches = iter(train)
    for index in range(len(train)):
        batch = next(batches)
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        time.sleep(0 if index else 0.3)
        optimizer.step()
        tell(epoch, index, loss, 0.1, 4, 5)
tell_weights(net)
