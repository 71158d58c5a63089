"""Losses and rates on a device that is none of torch's usual ones, of which the training must not ask the values.

Two batches make a step. The loss is changed in place afterwards.
"""

import threading

import torch
from common import loader, mean_squared, model, tell

asked = set()


class Far(torch.Tensor):
    """A tensor that is on the CPU in truth, and notes which thread asks for its value."""

    is_cpu = False

    def as_subclass(self, _):
        return self

    def item(self):
        asked.add(threading.current_thread() is threading.main_thread())
        with torch._C.DisableTorchFunctionSubclass():
            return super().item()

    def __float__(self):
        return self.item()


net = model()
optimizer = torch.optim.SGD(net.parameters(), 0.125)
optimizer.param_groups[0]["lr"] = torch.tensor(0.125).as_subclass(Far)
for epoch in (1, 2):
    told = []
    for index, batch in enumerate(loader(batch_size=2)):
        loss = mean_squared(net, batch).as_subclass(Far) / 2
        told.append(2 * torch.Tensor.item(loss))
        loss.backward()
        with torch.no_grad():
            loss.zero_()
        if index % 2:
            optimizer.step()
            optimizer.zero_grad()
            tell(epoch, index // 2, sum(told) / 2, 0.125, 4, 5)
            told = []
asked.discard(False)
print("asked by the training", asked)
