"""Odd uses of what the hooks stand in for. What is printed must be the same with and without them."""

import copy
import gc
import pickle
import random
import warnings
import weakref

import torch
from common import X, Y, loader, mean_squared, model
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

warnings.simplefilter("always")


class Stream(IterableDataset):
    """Its length is wrong, and asking for it warns, draws and prints nothing by itself."""

    def __iter__(self):
        yield from zip(X, Y, strict=True)

    def __len__(self):
        random.random()
        torch.rand(1)
        return 7


class Broken(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise LookupError("no sample")


def say(what):
    try:
        print(what())
    except BaseException as error:
        print(type(error).__name__, error)


def backward():
    loss = mean_squared(net, (X, Y))
    for arguments in [(), (None,), (5,), ("loss",), ([],), ([loss, 1],), (torch.tensor(1),)]:
        say(lambda arguments=arguments: torch.autograd.backward(*arguments))
    say(lambda: torch.autograd.backward(tensors=mean_squared(net, (X, Y))))
    say(lambda: torch.autograd.backward(loss for loss in [mean_squared(net, (X, Y))]))
    say(lambda: torch.autograd.backward([mean_squared(net, (X, Y)), mean_squared(net, (X, Y))]))
    say(lambda: torch.autograd.backward(no=1))
    say(lambda: loss.backward(torch.ones(3)))
    say(lambda: (net(X) * 2).backward(torch.ones(20, 1)))
    say(lambda: net(X).backward())
    say(lambda: (net(X).sum() * 1j).backward())
    say(lambda: loss.backward())
    say(lambda: loss.backward())
    print(net.weight.grad.tolist())


def loaders():
    train = loader()
    iterator = iter(train)
    print(isinstance(iterator, _BaseDataLoaderIter), type(iterator), iter(iterator) is iterator, len(iterator))
    print([len(batch) for batch in iterator])
    say(lambda: next(iterator))
    say(lambda: next(iterator))
    say(lambda: pickle.dumps(iterator))
    say(lambda: next(iter(DataLoader(Broken()))))
    one, other = iter(train), iter(train)
    print(torch.equal(next(one)[0], next(other)[0]), torch.equal(next(one)[0], next(one)[0]))
    print(copy.copy(train).batch_size, len(pickle.loads(pickle.dumps(train))))
    for options in ({}, {"num_workers": 1, "persistent_workers": True}):
        temporary = loader(**options)
        batches = iter(temporary)
        gone = [weakref.ref(temporary), weakref.ref(batches)]
        learn(next(batches))
        del temporary, batches
        print("gone", [each() is None for each in gone])


def learn(batch):
    optimizer.zero_grad()
    loss = mean_squared(net, batch)
    loss.backward()
    optimizer.step()
    return weakref.ref(loss)


def memory():
    gc.disable()
    print("gone", learn((X, Y))() is None)
    scaler = torch.amp.GradScaler("cpu")
    kept_by_graph = X.clone()
    scaled = scaler.scale(mean_squared(net, (kept_by_graph, Y)))
    gone = [weakref.ref(kept_by_graph), weakref.ref(scaled)]
    del kept_by_graph, scaled
    print("gone", [each() is None for each in gone])
    say(lambda: torch.amp.GradScaler("cuda").is_enabled())
    say(lambda: scaler.scale(None))
    say(lambda: scaler.step(3))
    gc.enable()


def lengths():
    stream = DataLoader(Stream(), batch_size=2)
    for _ in range(2):
        for batch in stream:
            learn(batch)
    print(random.random(), torch.rand(1))


def optimizers():
    say(lambda: optimizer.step(1, 2, 3))
    say(lambda: net.zero_grad(1, 2))
    say(lambda: optimizer.zero_grad(no=1))
    print(copy.deepcopy(optimizer).state_dict().keys())
    print(pickle.loads(pickle.dumps(optimizer)).state_dict()["param_groups"])


if __name__ == "__main__":
    net = model()
    optimizer = torch.optim.Adam(net.parameters(), 0.1)
    torch.manual_seed(1)
    random.seed(1)
    for part in (backward, loaders, memory, lengths, optimizers):
        print(part.__name__)
        part()
    print(net.weight.tolist())
