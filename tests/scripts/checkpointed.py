"""A part of the model is computed again in backward, which calls backward again; its output is one number."""

import torch
from common import loader, mean_squared, model, tell
from torch.utils.checkpoint import checkpoint

net, train = model(), loader()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for index, (x, y) in enumerate(train):
    x.requires_grad_()
    part = checkpoint(lambda x, y: mean_squared(net, (x, y)), x, y, use_reentrant=True)
    loss = part * 3
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    tell(1, index, loss, 0.1, 4, 5)
