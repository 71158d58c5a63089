"""A generator's optimizer and two critics': the critics learn on each batch, or not on the odd ones."""

import torch
from common import loader, mean_squared, model, tell

nets, train = [model() for _ in range(3)], loader()
optimizers = [torch.optim.SGD(net.parameters(), 0.1 / (place + 1)) for place, net in enumerate(nets)]
for epoch in range(1, 3):
    for index, batch in enumerate(train):
        losses = []
        for net, optimizer in zip(nets[: 2 if index % 2 else 3], optimizers, strict=False):
            loss = mean_squared(net, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        others = {f"loss_{place}": loss for place, loss in enumerate(losses[1:], 2)}
        tell(epoch, index, losses[0], 0.1, 4, 5, **others)
