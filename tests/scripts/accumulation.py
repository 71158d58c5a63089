"""Two batches of the loader for an optimizer step: the loss divided by hand, or not (the first argument)."""

import sys

import torch
from common import loader, mean_squared, model, tell

DIVIDED = {
    "by number": lambda loss: loss / 2,
    "by factor": lambda loss: loss * 0.5,
    "by tensor": lambda loss: loss / torch.tensor(2.0),
    "not": lambda loss: loss,
}
divide = sys.argv[1]
net, train = model(), loader(batch_size=2)
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for epoch in range(1, 3):
    losses = []
    for index, batch in enumerate(train):
        loss = mean_squared(net, batch)
        losses.append(loss.item())
        given = DIVIDED[divide](loss)
        given.backward()
        if index % 2:
            optimizer.step()
            optimizer.zero_grad()
            tell(epoch, index // 2, sum(losses) / 2, 0.1, 4, 5)
            losses = []
