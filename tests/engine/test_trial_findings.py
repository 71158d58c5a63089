"""What the trial finds out by training for a moment: what batches of one sample, parameters and schedules need."""

import pytest
import torch
from everybatch.engine.task_options import Needs
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.data import TensorDataset

from .tasks import Counted, Line, Stream, Validated, alone, made
from .trials import line, tried

group = pytest.fixture(autouse=True)(alone)


def test_an_ordinary_task_is_found_to_need_nothing():
    found = tried(Validated())
    assert found.needs == Needs()
    assert (found.unused, found.columns, found.score_name) == ((), ("error",), "")


# ---- batches of one sample --------------------------------------------------------------------------------


class Normed(Line):
    """Cannot learn from one sample."""

    def model(self):
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()


@pytest.mark.parametrize(
    ("samples", "world_size", "drops"),
    [(13, 1, True), (12, 1, False), (14, 1, False), (26, 2, True), (25, 2, True)],
)
def test_a_last_batch_of_one_sample_is_dropped_where_the_model_cannot_learn_from_it(samples, world_size, drops):
    assert tried(made(Normed, samples=samples), world_size).needs.drop_last is drops


def test_only_a_model_that_cannot_learn_from_one_sample_loses_it():
    class Pictures(Line):
        def model(self):
            return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 1))

        def train_data(self):
            return TensorDataset(torch.ones(13, 1, 4, 4), torch.ones(13, 1))

    assert not tried(Pictures()).needs.drop_last
    assert not tried(made(samples=13)).needs.drop_last
    frozen = made(
        Normed, samples=13, model=lambda self: nn.Sequential(nn.Linear(3, 1), nn.BatchNorm1d(1).eval()).double()
    )
    assert tried(frozen).needs.drop_last  # the engine puts the model into training mode


def test_a_stream_may_end_with_one_sample():
    assert tried(made(Normed, train_data=lambda self: Stream(12))).needs.drop_last
    assert not tried(made(train_data=lambda self: Stream(12))).needs.drop_last


def test_the_last_batch_of_each_rank_counts():
    def sampler(self, dataset, rank, world_size, seed):
        return range(8 + rank)

    assert tried(made(Normed, sampler=sampler), world_size=2).needs.drop_last
    assert not tried(made(Normed, sampler=sampler), world_size=1).needs.drop_last


@pytest.mark.parametrize("flags", [{"batch_size": 1}, {}])
def test_no_batch_of_more_than_one_sample(flags):
    assert "BatchNorm in the model cannot learn from a batch of one sample" in line(
        made(Normed, samples=1), **flags
    )


def test_a_loss_that_cannot_take_one_sample_is_found_before_the_last_batch():
    def loss(self, model, batch):
        return model(batch[0]).squeeze().norm(dim=0) + model(batch[0]).squeeze()[0]

    told = line(made(samples=13, loss=loss))
    assert "the last batch of an epoch has one sample, with which loss() failed (" in told
    assert "batch: (float64 [1, 3], float64 [1, 1])" in told
    tried(made(samples=13, loss=loss, drop_last=True))


# ---- parameters, schedules, optimizers --------------------------------------------------------------------


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.used = nn.Linear(3, 1).double()
        self.head = nn.Linear(3, 1).double()

    def forward(self, x):
        return self.used(x)


def test_parameters_that_take_no_part_are_found():
    found = tried(made(model=lambda self: Idle()))
    assert found.needs.find_unused_parameters
    assert found.unused == ("head.weight", "head.bias")

    def frozen(self):
        model = Idle()
        model.head.requires_grad_(False)
        return model

    assert not tried(made(model=frozen)).needs.find_unused_parameters


@pytest.mark.parametrize(
    ("scheduler", "members", "planned"),
    [
        (lambda optimizer, steps: OneCycleLR(optimizer, 0.1, total_steps=steps), {}, True),
        (lambda optimizer, steps: StepLR(optimizer, 1), {"schedule_every": "epoch"}, True),
        (lambda optimizer, steps: ReduceLROnPlateau(optimizer), {}, False),
        (lambda optimizer, steps: ReduceLROnPlateau(optimizer, mode="max"), {"score": "error"}, False),
        (lambda optimizer, steps: None, {}, False),
    ],
)
def test_schedules_of_every_kind(scheduler, members, planned):
    assert tried(made(Validated, scheduler=scheduler, **members)).planned is planned


@pytest.mark.parametrize(("mode", "score"), [("max", None), ("min", "error")])
def test_a_schedule_that_looks_the_wrong_way(mode, score):
    scheduler = staticmethod(lambda optimizer, steps: ReduceLROnPlateau(optimizer, mode=mode))
    wanted = "min" if mode == "max" else "max"
    assert f'it must be mode="{wanted}"' in line(made(Validated, scheduler=scheduler, score=score))


def test_a_schedule_by_batches_needs_to_know_how_many():
    by_batches = staticmethod(lambda optimizer, steps: OneCycleLR(optimizer, 0.1, total_steps=steps))
    told = line(made(train_data=lambda self: Stream(12), scheduler=by_batches))
    assert 'give train_data() a __len__, or set schedule_every = "epoch"' in told
    tried(made(train_data=lambda self: Counted(12), scheduler=by_batches))
    tried(made(train_data=lambda self: Stream(12), scheduler=by_batches, schedule_every="epoch"))
    plateau = staticmethod(lambda optimizer, steps: ReduceLROnPlateau(optimizer))
    tried(made(train_data=lambda self: Stream(12), scheduler=plateau))


def test_an_optimizer_with_a_closure_and_mixed_precision():
    task = made(optimizer=lambda self, model, lr: torch.optim.LBFGS(model.parameters(), lr))
    tried(task)
    assert "LBFGS needs a closure and cannot be used with --amp" in line(task, amp="bf16")


def test_no_more_ranks_than_samples():
    assert "--nproc" in line(Line(), world_size=13)
    assert "is empty" in line(made(samples=0))
