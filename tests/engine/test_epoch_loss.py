import pytest
import torch
from everybatch.engine.epoch_loss import HELD, EpochLoss

LOSSES = [torch.tensor(1 / (1 + number)) for number in range(2 * HELD + 5)]
SAMPLES = [4] * (HELD + 3) + [2] * HELD + [4, 1]
CPU = torch.device("cpu")


def added(loss: EpochLoss, begin: int = 0, end: int | None = None) -> EpochLoss:
    for value, samples in list(zip(LOSSES, SAMPLES, strict=True))[begin:end]:
        loss.add(value, samples)
    return loss


def expected() -> list[float]:
    return [sum(float(loss) * samples for loss, samples in zip(LOSSES, SAMPLES, strict=True)), sum(SAMPLES)]


def test_every_batch_counts_by_its_samples() -> None:
    sums = added(EpochLoss(CPU)).sums()
    assert sums.dtype == torch.float64
    assert sums.tolist() == pytest.approx(expected(), rel=1e-12)


def test_an_epoch_goes_on_where_a_checkpoint_was_written() -> None:
    before = added(EpochLoss(CPU), end=HELD + 7).sums()
    after = EpochLoss(CPU)
    after.reset(before)
    assert added(after, HELD + 7).sums().tolist() == pytest.approx(expected(), rel=1e-12)


def test_a_loss_of_one_element_is_as_good_as_a_scalar() -> None:
    loss = EpochLoss(CPU)
    loss.add(torch.tensor([0.5]), 4)
    loss.add(torch.tensor([0.25]), 2)
    assert loss.sums().tolist() == [2.5, 6]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nothing_waits_for_the_gpu() -> None:
    loss = EpochLoss(torch.device("cuda"))
    values = [value.cuda() for value in LOSSES]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for value, samples in zip(values, SAMPLES, strict=True):
            loss.add(value, samples)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert loss.sums().tolist() == pytest.approx(expected(), rel=1e-12)


def test_a_new_epoch_begins_with_nothing() -> None:
    loss = added(EpochLoss(CPU))
    loss.reset()
    assert loss.sums().tolist() == [0, 0]
