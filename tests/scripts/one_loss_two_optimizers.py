"""Two optimizers for the parts of one model, and one loss: one batch, and no other loss."""

import torch
from common import loader, mean_squared, tell

body, head = torch.nn.Linear(3, 2), torch.nn.Linear(2, 1)
net, train = torch.nn.Sequential(body, head), loader()
optimizers = torch.optim.SGD(body.parameters(), 0.1), torch.optim.Adam(head.parameters(), 0.01)
for index, batch in enumerate(train):
    loss = mean_squared(net, batch)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    tell(1, index, loss, 0.1, 4, 5)
