"""A loop of one's own that reports by itself; what it does besides is told by the environment."""

import os
import time

import everybatch
import torch
from common import loader, mean_squared, model, tell, tell_weights

net, train = model(), loader(shuffle=True)
optimizer = torch.optim.SGD(net.parameters(), 0.1)
run = everybatch.init(epochs=int(os.environ.get("EPOCHS", "3")), log_batch_metrics=True)
for epoch in run.epochs():
    for index, batch in enumerate(run.batches(train)):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tell(epoch, index, loss, 0.1, 4, 5)
        run.log(loss=loss, lr=0.1, norm=net.weight.norm(), tokens=everybatch.sum(8))
        time.sleep(float(os.environ.get("SECONDS", "0")))
    with torch.no_grad():
        run.validated(loss=mean_squared(net, batch), dice=epoch / 10)
run.finish()
tell_weights(net)
