"""Two optimizers a batch: two losses for the first one, one for the second."""

import torch
from common import loader, mean_squared, model, tell

judge, maker, train = model(), model(), loader()
of_judge = torch.optim.SGD(judge.parameters(), 0.1)
of_maker = torch.optim.SGD(maker.parameters(), 0.01)
for epoch in range(1, 3):
    for index, batch in enumerate(train):
        of_judge.zero_grad()
        real = mean_squared(judge, batch)
        real.backward()
        fake = mean_squared(judge, (batch[0] + 1, batch[1]))
        fake.backward()
        of_judge.step()
        tell(epoch, index, real.item() + fake.item(), 0.1, 4, 5)
        of_maker.zero_grad()
        mean_squared(maker, batch).backward()
        of_maker.step()
