"""Two optimizers a batch: two losses for the first one, one for the second."""

import torch
from common import loader, mean_squared, model, tell, tell_weights

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
        of_maker.zero_grad()
        made = mean_squared(maker, batch)
        made.backward()
        of_maker.step()
        tell(epoch, index, real.item() + fake.item(), 0.1, 4, 5, loss_2=made.item())
tell_weights(judge, maker)
