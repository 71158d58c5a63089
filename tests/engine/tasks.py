"""Small tasks that are like the models people have; each test changes what it is about."""

import torch
import torch.distributed as dist
from everybatch.engine.config import TrainConfig
from everybatch.engine.control import Control
from everybatch.engine.loop import Loop
from everybatch.engine.patience import Patience
from everybatch.engine.task_options import Needs
from everybatch.metrics.events import BatchEvent, decode_events
from everybatch.reporting.reporter import Reporter
from torch import nn
from torch.utils.data import IterableDataset, TensorDataset


class Line:
    """Fits a line: three numbers to one, in float64."""

    samples = 12

    def model(self):
        return nn.Linear(3, 1).double()

    def train_data(self):
        random = torch.Generator().manual_seed(7)
        x = torch.randn(self.samples, 3, generator=random, dtype=torch.float64)
        return TensorDataset(x, x.sum(dim=1, keepdim=True) + 0.1)

    def val_data(self):
        return None

    def optimizer(self, model, lr):
        return torch.optim.SGD(model.parameters(), lr=lr)

    def loss(self, model, batch):
        x, y = batch
        return ((model(x) - y) ** 2).mean()


class Validated(Line):
    """The same with a validation of one metric."""

    metric_names = ("error",)

    def val_data(self):
        return self.train_data()

    def metrics(self, model, batch):
        x, y = batch
        return {"error": (model(x) - y).abs().mean()}


class Stream(IterableDataset):
    """Samples 0, 1, 2 … as numbers."""

    def __init__(self, samples):
        self.samples = samples

    def __iter__(self):
        for i in range(self.samples):
            yield torch.tensor([i, 1.0, 2.0], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)


class Counted(Stream):
    """The same, and it knows how many."""

    def __len__(self):
        return self.samples


def made(base=Line, **members):
    """An instance of a task with other members."""
    return type("Mine", (base,), members)()


class Told:
    """A channel that keeps the events."""

    def __init__(self):
        self.events = []

    def put(self, message):
        self.events += decode_events(message)


def trained(task, tmp_path, *, needs=None, checkpoint=None, **flags):
    """Train on this process alone: the loop, and the events that it told. Needs a process group of one rank."""
    config = TrainConfig(**{"lr": 0.1, "epochs": 2, **flags})
    told = Told()
    torch.manual_seed(0)
    with Reporter(told, rank=0, step=checkpoint.state["step"] if checkpoint else 0) as reporter:
        loop = Loop(
            task,
            config,
            rank=0,
            group=None,
            device=torch.device("cpu"),
            control=Control(0, None),
            patience=Patience(100, progress=int, gpu_waits=bool, lost=print),
            reporter=reporter,
            checkpoints=tmp_path,
            needs=needs or Needs(),
        )
        if checkpoint is not None:
            loop.restore(checkpoint)
        loop.run()
    return loop, told.events


def batches(events):
    """Those of the events that are a batch."""
    return [event for event in events if isinstance(event, BatchEvent)]


def alone():
    """A process group of this process."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()
