"""What is wrong with a task is found in the trial, and its line says what to change."""

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from .tasks import Line, Stream, Validated, alone, made
from .trials import line, tried

group = pytest.fixture(autouse=True)(alone)


# ---- loss -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda one: {"loss": one, "dice": one}, "(the mean loss), not dict ('loss', 'dice'); return only"),
        (lambda one: (one, {"dice": 1}, 2), "not tuple (Tensor, dict, int); return only the loss"),
        (lambda one: None, "not NoneType"),
        (lambda one: one.item(), "not float"),
        (lambda one: one.expand(4), "returned shape [4], but must return one number; take the mean"),
        (lambda one: one.detach(), "does not depend on the model's parameters"),
        (lambda one: torch.zeros(1, requires_grad=True), "does not depend on the model's parameters"),
    ],
)  # fmt: skip
def test_a_loss_that_is_none(loss, words):
    assert words in line(made(loss=lambda self, model, batch: loss(Line.loss(self, model, batch))))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_loss_of_one_element_in_any_shape_is_one(shape):
    tried(made(Validated, loss=lambda self, model, batch: Line.loss(self, model, batch).reshape(shape)))


def test_what_loss_raises_comes_with_its_place_and_the_shapes():
    def loss(self, model, batch):
        return model(batch[0][:, :2]).mean()

    told = line(made(loss=loss))
    assert told.startswith(
        "--task: loss of mine:Mine failed (RuntimeError: mat1 and mat2 shapes cannot be multiplied"
    )
    assert told.endswith(
        f"; test_trial.py:{loss.__code__.co_firstlineno + 1}; batch: (float64 [4, 3], float64 [4, 1]))"
    )


def test_a_loss_that_goes_round_the_wrapper_would_let_the_ranks_drift_apart():
    task = made(loss=lambda self, model, batch: getattr(model, "module", model)(batch[0]).mean())
    tried(task)
    assert "call model(…), not model.module" in line(task, world_size=2)


def test_a_method_of_the_model_is_not_there_behind_the_wrapper():
    told = line(made(loss=lambda self, model, batch: model.encode(batch[0])))
    assert "wrapped in DistributedDataParallel (AttributeError: 'DistributedDataParallel' object has no" in told


def test_sys_exit_is_a_mistake_too():
    def loss(self, model, batch):
        raise SystemExit(0)

    assert "loss of mine:Mine failed (SystemExit: 0; test_trial.py:" in line(made(loss=loss))


def test_an_optimizer_that_cannot_step_is_blamed_for_it():
    class Sparse(Line):
        def model(self):
            return nn.Embedding(3, 1, sparse=True)

        def train_data(self):
            return TensorDataset(torch.arange(3).repeat(4))

        def optimizer(self, model, lr):
            return torch.optim.Adam(model.parameters())

        def loss(self, model, batch):
            return model(batch[0]).mean()

    assert "optimizer of mine:Mine failed (RuntimeError: Adam does not support sparse gradients" in line(Sparse())


# ---- metrics ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [1, 0.5, True, torch.tensor(2), torch.ones(1), torch.ones(1, 1, 1), torch.ones(1).numpy()]
)
def test_a_metric_is_any_one_number(value):
    tried(made(Validated, metrics=lambda self, model, batch: {"error": value}))


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"error": torch.ones(2)}, "error of metrics() has shape [2], but must be one number; take the mean"),
        ({"error": "0.5"}, "error of metrics() is str"),
        ({"error": None}, "error of metrics() is NoneType"),
        (0.5, 'metrics() must return {"name": value}, not float'),
        ({}, "metrics() returned -, but metric_names declares error"),
        ({"error": 1, "dice": 1}, "metrics() returned dice, error, but metric_names declares error"),
    ],
)
def test_metrics_that_are_none(metrics, words):
    assert words in line(made(Validated, metrics=lambda self, model, batch: metrics))


def test_what_metrics_raises_is_not_blamed_on_loss():
    told = line(made(Validated, metrics=lambda self, model, batch: batch[2]))
    assert told.startswith("--task: metrics of mine:Mine failed (IndexError: ")


def test_one_name_is_not_taken_apart_into_letters():
    assert tried(made(Validated, metric_names="error")).columns == ("error",)
    assert tried(made(Validated, metric_names=["error"])).columns == ("error",)


@pytest.mark.parametrize("names", [("a", "a"), ("loss",), (1,), 3, ("",)])
def test_names_that_cannot_be_columns(names):
    assert "metric_names must be" in line(made(Validated, metric_names=names))


# ---- members ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"scheduler": lambda self, optimizer: None}, "call scheduler like this: scheduler(optimizer, steps)"),
        ({"collate_fn": 3}, "collate_fn like this: collate_fn(samples)"),
        ({"drop_last": "yes"}, "drop_last must be True / False, not 'yes'"),
        ({"find_unused_parameters": 1}, "find_unused_parameters must be True / False, not 1"),
        ({"val_batch_size": 0}, "val_batch_size must be 1, 2, 3 …, not 0"),
        ({"schedule_every": "step"}, "schedule_every must be 'batch' / 'epoch', not 'step'"),
        ({"score": "dice"}, "score must be 'error' / score(val), not 'dice'"),
        ({"score": lambda self, val: "high"}, "score(val) must return a number, not str"),
        ({"score": lambda self, val: val["dice"]}, "score of mine:Mine failed (KeyError: 'dice'"),
        ({"optimizer": lambda self, model, lr: (1, 2)}, "must return torch.optim.Optimizer, not tuple"),
        ({"scheduler": lambda self, optimizer, steps: 0.1}, "must return LRScheduler, not float"),
        ({"val_data": lambda self: None, "score": "error"}, "score comes from validation, but val_data() has none"),
        ({"sampler": lambda self, dataset, rank, world_size, seed: iter([1])}, "an iterable with a length"),
        ({"val_data": lambda self: iter([1])}, "val_data() of mine:Mine must return a dataset with a length"),
        ({"val_data": lambda self: Stream(0)}, "val_data() gave no sample; without validation, val_data() returns"),
        ({"train_data": lambda self: Stream(0)}, "train_data() gave no sample"),
        ({"samples": 3, "drop_last": True}, "with drop_last = True no batch of an epoch is whole"),
        ({"model": lambda self: nn.ReLU()}, "model of mine:Mine failed (RuntimeError: DistributedDataParallel"),
    ],
)  # fmt: skip
def test_members_that_cannot_be_used(members, words):
    assert words in line(made(Validated, **members))


def stacked(samples):
    return [torch.stack(values) for values in zip(*samples, strict=True)]


def test_a_function_of_a_module_may_stand_in_the_class():
    tried(made(collate_fn=stacked))
    tried(made(collate_fn=staticmethod(stacked)))
    tried(made(collate_fn=lambda self, samples: stacked(samples)))
    tried(made(Validated, score=lambda val: -val["loss"]))


# ---- data -------------------------------------------------------------------------------------------------


class Ragged(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.ones(index + 1, 3), torch.ones(1)


def test_samples_of_different_shapes_need_a_collate_fn():
    task = made(train_data=lambda self: Ragged())
    told = line(task)
    assert told.startswith(
        "--task: the samples of train_data() make no batch (RuntimeError: stack expects each tensor"
    )
    assert told.endswith("give the task a collate_fn(samples), which for example pads them to one shape")
    told = line(made(Validated, val_data=lambda self: Ragged()))
    assert told.startswith("--task: the samples of val_data() make no batch")


def test_what_collate_fn_raises_is_its_own():
    told = line(made(train_data=lambda self: Ragged(), collate_fn=stacked))
    assert told.startswith("--task: collate_fn of mine:Mine failed (RuntimeError: stack expects each tensor")


def test_what_a_dataset_raises_comes_with_its_place():
    class Broken(Ragged):
        def __getitem__(self, index):
            raise FileNotFoundError("no such picture")

    told = line(made(train_data=lambda self: Broken()))
    assert told.startswith(
        "--task: train_data of mine:Mine failed (FileNotFoundError: no such picture; test_trial.py:"
    )
