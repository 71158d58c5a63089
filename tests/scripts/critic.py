"""No loader: a critic makes five steps, then the generator one, which belongs to the last of them.

The first time its loss comes unexpected, when that batch is told already.
"""

import torch
from common import X, Y, mean_squared, model, tell

critic, generator = model(), model()
of_critic = torch.optim.SGD(critic.parameters(), 0.1)
of_generator = torch.optim.SGD(generator.parameters(), 0.01)
for step in range(10):
    loss = mean_squared(critic, (X, Y))
    of_critic.zero_grad()
    loss.backward()
    of_critic.step()
    others = {}
    if step % 5 == 4:
        made = mean_squared(generator, (X, Y))
        of_generator.zero_grad()
        made.backward()
        of_generator.step()
        others = {"loss_2": made.item()} if step > 5 else {}
    tell(1, step, loss, 0.1, 0, **others)
