"""All batches are fetched before the training; losses go into backward together; steps go on without a loader."""

import torch
from common import loader, mean_squared, model, tell

net, train = model(), loader()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
batches = list(train)
for epoch in range(1, 4):
    for index, batch in enumerate(batches):
        losses = [mean_squared(net, batch), 0.1 * net.weight.square().sum()]
        optimizer.zero_grad()
        torch.autograd.backward(losses)
        optimizer.step()
        place = index if epoch == 1 else 5 * (epoch - 2) + index
        of_loader = (4, 5) if epoch == 1 else (0, None)
        tell(min(epoch, 2), place, losses[0].item() + losses[1].item(), 0.1, *of_loader)
