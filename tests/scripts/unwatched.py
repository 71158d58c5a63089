"""Stands in for everybatch in a script that is to run without it."""


class Run:
    def __init__(self, epochs):
        self._epochs = epochs

    def epochs(self):
        return range(1, self._epochs + 1)

    def batches(self, loader):
        return loader

    def log(self, **_):
        pass

    validated = log

    def finish(self):
        pass


def init(epochs, **_):
    return Run(epochs)


def sum(value):  # noqa: A001 - it stands for `everybatch.sum`
    return value
