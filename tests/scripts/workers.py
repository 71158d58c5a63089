"""Workers that stay, two loaders at once, and an evaluation within the epoch by a loader that goes on."""

import torch
from common import loader, mean_squared, model, tell

if __name__ == "__main__":
    net = model()
    train = loader(num_workers=1, persistent_workers=True)
    other = loader(batch_size=2, num_workers=1, persistent_workers=True)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for epoch in range(1, 4):
        for index, (second, batch) in enumerate(zip(other, train, strict=False)):
            loss = mean_squared(net, batch) + mean_squared(net, second)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            tell(epoch, index, loss, 0.1, 4, 5)
        if epoch == 1:
            for batch in other:
                mean_squared(net, batch)
