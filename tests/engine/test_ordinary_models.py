"""What people's tasks bring along trains: schedules, optimizers and scores of every kind."""

import math
import typing

import pytest
import torch
from everybatch.engine.checkpoint import read_checkpoint
from everybatch.metrics.events import Validated
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from .tasks import Line, alone, batches, made, trained
from .tasks import Validated as ValidatedLine

group = pytest.fixture(autouse=True)(alone)


# ---- schedules --------------------------------------------------------------------------------------------


def test_a_schedule_may_be_stepped_by_epochs(tmp_path):
    seen = []

    def scheduler(self, optimizer, steps):
        seen.append(steps)
        return StepLR(optimizer, 1, gamma=0.5)

    _, events = trained(made(scheduler=scheduler, schedule_every="epoch"), tmp_path, epochs=3)
    assert seen == [3]
    assert [event.lr for event in batches(events)] == [0.1] * 3 + [0.05] * 3 + [0.025] * 3


def test_a_schedule_by_batches_is_stepped_by_batches(tmp_path):
    seen = []

    def scheduler(self, optimizer, steps):
        seen.append(steps)
        return StepLR(optimizer, 2, gamma=0.5)

    _, events = trained(made(scheduler=scheduler), tmp_path, epochs=2)
    assert seen == [6]
    assert [event.lr for event in batches(events)] == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]


@pytest.mark.parametrize("base", [Line, ValidatedLine])
def test_reduce_on_plateau_gets_the_score_of_each_epoch(tmp_path, base):
    class Seen(ReduceLROnPlateau):
        scores: typing.ClassVar = []

        def step(self, metrics, epoch=None):
            self.scores.append(metrics)
            super().step(metrics, epoch)

    task = made(base, scheduler=staticmethod(lambda optimizer, steps: Seen(optimizer, patience=0, threshold=10.0)))
    _loop, events = trained(task, tmp_path, epochs=3)
    validated = [event.loss for event in events if isinstance(event, Validated)]
    means = [sum(event.loss for event in batches(events)[start : start + 3]) / 3 for start in (0, 3, 6)]
    assert Seen.scores == pytest.approx(validated or means)
    assert [event.lr for event in batches(events)][::3] == pytest.approx([0.1, 0.01, 0.001])
    saved = read_checkpoint(tmp_path / "last.pt").state
    assert saved["optimizer"]["param_groups"][0]["lr"] == pytest.approx(1e-4)


# ---- an optimizer with a closure --------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [0.0, 1e-3])
def test_lbfgs_trains_and_tells_the_loss_before_its_step(tmp_path, clip):
    calls, norms = [], []

    def loss(self, model, batch):
        calls.append(Line.loss(self, model, batch).item())
        return Line.loss(self, model, batch)

    class Watched(torch.optim.LBFGS):
        def step(self, closure):
            def watched():
                loss = closure()
                norms.append(torch.cat([one.grad.flatten() for one in self._params]).norm().item())
                return loss

            return super().step(watched)

    def optimizer(self, model, lr):
        return Watched(model.parameters(), lr, max_iter=5)

    _, events = trained(made(loss=loss, optimizer=optimizer), tmp_path, epochs=1, grad_clip=clip)
    told = [event.loss for event in batches(events)]
    assert len(calls) > 3 * 3
    assert told[0] == pytest.approx(calls[0])
    assert set(told) <= set(calls)
    assert told[-1] < told[0] / 2
    assert max(norms) <= clip + 1e-9 if clip else max(norms) > 1


# ---- scores -----------------------------------------------------------------------------------------------


class Drifting(ValidatedLine):
    """The metrics are what the test wants, epoch by epoch."""

    errors = (3.0, 5.0, 4.0)

    def __init__(self):
        self.epoch = 0

    def val_data(self):
        task = self

        class Told(torch.utils.data.TensorDataset):
            def set_epoch(self, epoch):
                task.epoch = epoch

        return Told(*self.train_data().tensors)

    def train_data(self):
        task = self

        class Told(torch.utils.data.TensorDataset):
            def set_epoch(self, epoch):
                task.epoch = epoch

        return Told(*super().train_data().tensors)

    def metrics(self, model, batch):
        return {"error": self.errors[self.epoch - 1]}


@pytest.mark.parametrize(
    ("score", "best"),
    [("error", 2), (lambda self, val: -val["error"], 1), (lambda self, val: val["loss"], 1), (None, 3)],
)
def test_the_best_epoch_is_the_one_with_the_highest_score_or_the_lowest_loss(tmp_path, score, best):
    _loop, events = trained(made(Drifting, score=score), tmp_path, epochs=3)
    assert read_checkpoint(tmp_path / "best.pt").state["best_epoch"] == best
    validated = [event for event in events if isinstance(event, Validated)]
    assert [event.metrics[0] for event in validated] == [3.0, 5.0, 4.0]
    if callable(score):
        loss = validated[best - 1].loss
        assert validated[best - 1].metrics[1] == score(None, {"loss": loss, "error": Drifting.errors[best - 1]})


def test_a_metric_may_be_the_mean_over_some_of_the_samples(tmp_path):
    def metrics(self, model, batch):
        x = batch[0][:, 0]
        chosen = x > x.median()  # none of a batch of one: the mean is nan, and counts for nothing
        return {"error": (x[chosen].mean(), chosen.sum())}

    task = made(ValidatedLine, metrics=metrics, metric_names=("error",), val_batch_size=11)
    _loop, events = trained(task, tmp_path, epochs=1)
    (validated,) = [event for event in events if isinstance(event, Validated)]
    x = task.val_data().tensors[0][:11, 0]
    assert validated.metrics[0] == pytest.approx(x[x > x.median()].mean().item())


def test_a_score_that_is_not_finite_is_never_the_best(tmp_path):
    trained(made(Drifting, errors=(math.nan, 1.0, math.inf), score="error"), tmp_path, epochs=3)
    assert read_checkpoint(tmp_path / "best.pt").state["best_epoch"] == 2
