import pytest
import torch
import torch.distributed as dist
from everybatch.engine.config import TrainConfig
from everybatch.engine.training import Training
from torch import nn

BATCH = torch.full((4, 8), 2.0)


class Sum:
    """An eighth of the mean of what a linear layer says: gradients that are known, and that fp16 can scale."""

    scale = 1 / 8

    def model(self):
        return nn.Linear(8, 1)

    def optimizer(self, model, lr):
        return torch.optim.SGD(model.parameters(), lr=lr)

    def loss(self, model, batch):
        self.said = model(batch)
        return self.said.float().mean() * self.scale


@pytest.fixture(autouse=True)
def group():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def training(task, **flags):
    torch.manual_seed(0)
    return Training(task, TrainConfig(lr=0.1, **flags), torch.device("cpu"), steps=10)


def weights(of):
    return torch.cat([parameter.detach().flatten() for parameter in of.model.parameters()])


GRADIENT = torch.tensor([2 / 8] * 8 + [1 / 8])
"""Of `Sum` on `BATCH`: eight weights and a bias."""


@pytest.mark.parametrize("amp", ["off", "bf16", "fp16"])
def test_a_step_is_what_the_optimizer_makes_of_the_gradient(amp):
    one = training(Sum(), amp=amp)
    before = weights(one)
    one.train_batch(BATCH, lambda: None)
    torch.testing.assert_close(weights(one), before - 0.1 * GRADIENT)
    assert one.step == 1


@pytest.mark.parametrize(
    ("amp", "dtype"), [("off", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_amp_says_in_what_the_model_computes(amp, dtype):
    task = Sum()
    training(task, amp=amp).train_batch(BATCH, lambda: None)
    assert task.said.dtype == dtype


@pytest.mark.parametrize("amp", ["off", "fp16"])
def test_a_gradient_is_clipped_to_its_norm(amp):
    one = training(Sum(), amp=amp, grad_clip=0.5)
    before = weights(one)
    one.train_batch(BATCH, lambda: None)
    torch.testing.assert_close(weights(one), before - 0.1 * 0.5 * GRADIENT / GRADIENT.norm())


def test_an_overflow_in_fp16_skips_the_step_and_halves_the_scale():
    task = Sum()
    one = training(task, amp="fp16")
    before, scale = weights(one), one.scaler.get_scale()
    task.scale = float("inf")
    one.train_batch(BATCH, lambda: None)
    assert torch.equal(weights(one), before)
    assert one.scaler.get_scale() == scale / 2
    assert one.state()["scaler"]["scale"] == scale / 2


def test_the_forward_pass_is_told_before_the_backward_pass():
    seen = []
    one = training(Sum())
    one.train_batch(BATCH, lambda: seen.append(one.model.weight.grad))
    assert seen == [None]


def test_a_loss_holds_no_graph():
    assert not training(Sum()).train_batch(BATCH, lambda: None).requires_grad


@pytest.mark.parametrize(
    ("rates", "shown"),
    [((0.0, 0.3, 0.2), 0.3), ((0.1, 0.3), 0.1), ((0.0, 0.0), 0.0), ((0.0,), 0.0), ((1e-9,), 1e-9)],
)
def test_the_learning_rate_is_that_of_the_first_group_that_learns(rates, shown):
    class Groups(Sum):
        def model(self):
            return nn.Sequential(*(nn.Linear(8, 8) for _ in rates))

        def optimizer(self, model, lr):
            return torch.optim.SGD(
                [{"params": layer.parameters(), "lr": rate} for layer, rate in zip(model, rates, strict=True)],
                lr=lr,
            )

    assert training(Groups()).lr == shown
