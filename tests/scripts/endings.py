"""Trains, and then ends in the way that the argument names."""

import os
import sys
import threading
import time

import torch
from common import loader, mean_squared, model, tell


def learn():
    for index, batch in enumerate(loader()):
        loss = mean_squared(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tell(1, index, loss, 0.1, 4, 5)


def fall():
    raise ValueError("in a thread")


def hide():
    sys.excepthook = lambda *_: print("mine", file=sys.stderr)
    raise ValueError("hidden")


def break_off():
    for batch in loader():
        mean_squared(net, batch).backward()
        raise KeyboardInterrupt


def run_thread():
    thread = threading.Thread(target=fall)
    thread.start()
    thread.join()


net = model()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
learn()
{
    "sys.exit": lambda: sys.exit(3),
    "os._exit": lambda: time.sleep(1) or os._exit(4),  # what is younger than 30 ms would be lost
    "KeyboardInterrupt": break_off,
    "excepthook": hide,
    "thread": run_thread,
    "fork": lambda: os.fork() or learn() or os._exit(0),
}[sys.argv[1]]()
