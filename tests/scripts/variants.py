"""A plain loop in the variant that the argument names."""

import sys

import torch
from common import loader, mean_squared, model, tell, tell_weights

variant = sys.argv[1]
if variant == "default device":
    torch.set_default_device("cpu")
net, train = model(), loader()
if variant == "float64":
    net.double()
options = {variant: True} if variant in ("fused", "foreach") else {}
optimizer = torch.optim.Adam(net.parameters(), 0.1, **options)
for epoch in (1, 2):
    for index, batch in enumerate(train):
        if variant == "float64":
            batch = [each.double() for each in batch]
        loss = mean_squared(net, batch)
        if variant == "of one element":
            loss = loss.reshape(1)
        optimizer.zero_grad(set_to_none=variant != "zeroed")
        if variant == "retained":
            loss.backward(retain_graph=True, inputs=list(net.parameters()))
        else:
            loss.backward()
        optimizer.step()
        tell(epoch, index, loss, 0.1, 4, 5)
tell_weights(net)
