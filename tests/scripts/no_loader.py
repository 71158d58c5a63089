"""No loader, accumulation by hand, steps instead of epochs."""

import torch
from common import X, Y, mean_squared, model, tell

net = model()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for step in range(6):
    losses = []
    for part in range(4):
        rows = slice(4 * part, 4 * part + 4)
        loss = mean_squared(net, (X[rows], Y[rows])) / 4
        losses.append(loss.item())
        loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    tell(1, step, sum(losses), 0.1, 0)
