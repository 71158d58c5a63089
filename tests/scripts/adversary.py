"""A loss is given to backward for the sake of the input's gradient, and cleared; the step follows the next loss."""

import sys

import torch
from common import loader, mean_squared, model, tell

net, train = model(), loader()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
cleared = {"optimizer": optimizer, "model": net}[sys.argv[1]]
for epoch in range(1, 3):
    for index, (x, y) in enumerate(train):
        cleared.zero_grad()
        x.requires_grad_()
        mean_squared(net, (x, y)).backward()
        worse = (x + 0.1 * x.grad.sign()).detach()
        cleared.zero_grad()
        loss = mean_squared(net, (worse, y))
        loss.backward()
        optimizer.step()
        tell(epoch, index, loss, 0.1, 4, 5)
