"""A whole step is compiled, with all that the hooks stand in for; how often torch compiled is printed too."""

import torch
from common import X, Y, mean_squared, model, tell, tell_weights
from torch._dynamo.utils import counters

net = model()
optimizer = torch.optim.Adam(net.parameters(), 0.1)


@torch.compile(backend="aot_eager")
def step(x, y):
    optimizer.zero_grad()
    loss = mean_squared(net, (x, y))
    loss.backward()
    optimizer.step()
    return loss


for index in range(6):
    tell(1, index, step(X, Y), 0.1, 0)
tell_weights(net)
print(counters["stats"]["unique_graphs"], counters["stats"]["calls_captured"])
