"""A loop of one's own with a schedule and a validation."""

import torch
from common import loader, mean_squared, model, tell, tell_weights

net, train, val = model(), loader(shuffle=True), loader()
optimizer = torch.optim.Adam(net.parameters(), 0.1)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
for epoch in range(1, 4):
    for index, batch in enumerate(train):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        lr = optimizer.param_groups[0]["lr"]
        optimizer.step()
        tell(epoch, index, loss, lr, 4, 5)
    schedule.step()
    with torch.no_grad():
        for batch in val:
            mean_squared(net, batch)
tell_weights(net)
