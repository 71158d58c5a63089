"""A gradient scaler that skips a step: its loss must be told unscaled, and the skipped batch too."""

import torch
from common import loader, mean_squared, model, tell, tell_weights

net, train = model(), loader()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
scaler = torch.amp.GradScaler("cpu", init_scale=float("inf"))  # so the first steps are skipped
for epoch in range(1, 3):
    for index, batch in enumerate(train):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update(float("inf") if index == 0 else 1.0)
        tell(epoch, index, loss, 0.1, 4, 5)
tell_weights(net)
