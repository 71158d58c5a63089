"""Several batches of the loader for an optimizer step: the loss divided by hand, or not (the first argument).

The last step of an epoch has fewer batches: the loss is divided as before.
"""

import sys

import torch
from common import loader, mean_squared, model, tell, tell_weights

DIVIDED = {
    "by number": lambda loss: loss / 4,
    "by factor": lambda loss: loss * 0.25,
    "by tensor": lambda loss: loss / torch.tensor(4.0),
    "twice": lambda loss: loss / 4 / 1,
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
        if index % 4 == 3 or index == 9:
            optimizer.step()
            optimizer.zero_grad()
            tell(epoch, index // 4, sum(losses) / len(losses), 0.1, 2 * len(losses), 3)
            losses = []
tell_weights(net)
