"""An optimizer that evaluates its closure several times in one step."""

import torch
from common import loader, mean_squared, model, tell, tell_weights

net, train = model(), loader()
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.1, max_iter=5)
for epoch in range(1, 3):
    for index, batch in enumerate(train):
        losses = []

        def closure(batch=batch, losses=losses):
            optimizer.zero_grad()
            loss = mean_squared(net, batch)
            losses.append(loss.item())
            loss.backward()
            return loss

        optimizer.step(closure)
        tell(epoch, index, losses[0], 0.1, 4, 5)
tell_weights(net)
