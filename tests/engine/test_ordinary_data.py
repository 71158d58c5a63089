"""What people's tasks learn from: samples, samplers, batches and streams of every kind."""

import random

import pytest
import torch
from everybatch.engine.batches import Share, train_batches, val_batches
from everybatch.engine.checkpoint import read_checkpoint
from everybatch.engine.config import TrainConfig
from everybatch.engine.task_options import Needs, read_options
from everybatch.errors import UsageError
from everybatch.metrics.events import EpochBegan, EpochTrained, Validated
from torch import nn
from torch.utils.data import WeightedRandomSampler, get_worker_info

from .tasks import Counted, Line, Stream, alone, batches, made, trained
from .tasks import Validated as ValidatedLine

group = pytest.fixture(autouse=True)(alone)


# ---- samples ----------------------------------------------------------------------------------------------


def train(task, rank=0, world_size=1, needs=None, **flags):
    config = TrainConfig(**{"batch_size": 4, **flags})
    drop_last = needs.drop_last if needs else False
    return train_batches(
        task.train_data(), config, read_options(task), Share(rank, world_size), drop_last=drop_last
    )


def first_numbers(loader):
    return [batch[0][:, 0].tolist() for batch in loader]


def test_a_collate_fn_makes_batches_for_training_and_validation():
    def zeros(self, samples):
        return [torch.stack(values) * 0 for values in zip(*samples, strict=True)]

    task = made(ValidatedLine, collate_fn=zeros)
    assert not any(batch[0].any() for batch in train(task).epoch(1))
    val = val_batches(task.val_data(), TrainConfig(), read_options(task), Share(0, 1))
    assert not any(batch[0].any() for batch in val.epoch(1))


def test_validation_has_its_own_batch_size():
    task = made(ValidatedLine, val_batch_size=5)
    val = val_batches(task.val_data(), TrainConfig(batch_size=2), read_options(task), Share(0, 1))
    assert [len(batch[0]) for batch in val.epoch(1)] == [5, 5, 2]


@pytest.mark.parametrize(("said", "found"), [(True, False), (False, True)])
def test_an_incomplete_last_batch_is_left_out(said, found):
    data = train(made(samples=13, drop_last=said), needs=Needs(drop_last=found))
    assert data.batches == 3
    assert [len(batch[0]) for batch in data.epoch(1)] == [4, 4, 4]
    assert [len(batch[0]) for batch in data.epoch(1, first_batch=2)] == [4]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sampler_of_ones_own_gives_each_rank_its_samples_and_repeats_an_epoch(workers):
    """`WeightedRandomSampler` draws from torch's own generator, which the training draws from too."""

    def sampler(self, dataset, rank, world_size, seed):
        return WeightedRandomSampler([1.0] * len(dataset), 8)

    task = made(sampler=sampler)
    whole = first_numbers(train(task, workers=workers).epoch(2))
    torch.manual_seed(99)
    assert first_numbers(train(task, workers=workers).epoch(2, first_batch=1)) == whole[1:]
    assert first_numbers(train(task, workers=workers).epoch(1)) != whole
    assert first_numbers(train(task, rank=1, world_size=2, workers=workers).epoch(2)) != whole
    assert train(task, workers=workers).batches == 2


def test_a_sampler_whose_length_is_not_true_is_told():
    class Liar(list):
        def __len__(self):
            return 3

    with pytest.raises(UsageError) as told:
        list(train(made(sampler=lambda self, dataset, rank, world_size, seed: Liar([0, 1]))).epoch(1))
    assert told.value.key == "task_sampler_length"


# ---- streams ----------------------------------------------------------------------------------------------


def stream_of(task, rank=0, world_size=1, **flags):
    return [number for batch in first_numbers(train(task, rank, world_size, **flags).epoch(1)) for number in batch]


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("world_size", [1, 2])
def test_each_sample_of_a_stream_is_seen_once_over_ranks_and_workers(world_size, workers):
    task = made(train_data=lambda self: Stream(21))
    seen = [stream_of(task, rank, world_size, workers=workers) for rank in range(world_size)]
    assert sorted(number for of_rank in seen for number in of_rank) == list(range(21))


def test_a_stream_that_shares_itself_out_is_read_as_it_is():
    class Sharded(Stream):
        sharded = True

        def __iter__(self):
            worker = get_worker_info()
            return (sample for i, sample in enumerate(super().__iter__()) if i % worker.num_workers == worker.id)

    task = made(train_data=lambda self: Sharded(21))
    assert sorted(stream_of(task, rank=1, world_size=2, workers=2)) == list(range(21))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_shuffled_stream_is_the_same_again_and_the_same_on_all_ranks(workers):
    class Shuffled(Stream):
        def __iter__(self):
            samples = list(super().__iter__())
            return iter([samples[i] for i in torch.randperm(len(samples))])

    task = made(train_data=lambda self: Shuffled(16))
    seen = [stream_of(task, rank, 2, workers=workers) for rank in range(2)]
    assert sorted(seen[0] + seen[1]) == list(range(16))
    assert seen[0] + seen[1] != sorted(seen[0] + seen[1])
    torch.manual_seed(9)
    whole = first_numbers(train(task, workers=workers).epoch(3))
    assert first_numbers(train(task, workers=workers).epoch(3, first_batch=2)) == whole[2:]
    assert first_numbers(train(task, workers=workers).epoch(4)) != whole


@pytest.mark.parametrize(("samples", "most"), [(10, 10), (14, 8)])
def test_a_length_that_is_not_true(tmp_path, samples, most):
    class Liar(Counted):
        def __len__(self):
            return 12 if self.samples < 12 else 8

    _loop, events = trained(made(train_data=lambda self: Liar(samples)), tmp_path, epochs=2, batch_size=2)
    began = [event.batches for event in events if isinstance(event, EpochBegan)]
    ended = [(event.epoch, event.batches) for event in events if isinstance(event, EpochTrained)]
    assert (began, ended) == (([6, 5], [(1, 5)]) if samples == 10 else ([4, 4], []))
    assert sum(event.samples for event in batches(events)) == 2 * most


def test_the_number_of_batches_is_unknown_in_the_first_epoch_only(tmp_path):
    _loop, events = trained(made(train_data=lambda self: Stream(10), val_data=lambda self: Stream(5)), tmp_path)
    began = [(event.batches, event.val_batches) for event in events if isinstance(event, EpochBegan)]
    ended = [(event.epoch, event.batches) for event in events if isinstance(event, EpochTrained)]
    assert began == [(-1, -1), (3, 2)]
    assert ended == [(1, 3)]
    assert [event.samples for event in batches(events)] == [4, 4, 2] * 2
    (validated, again) = [event for event in events if isinstance(event, Validated)]
    assert validated.loss == pytest.approx(again.loss, rel=1) or validated.loss > again.loss


def test_a_stream_is_resumed_in_the_middle_of_an_epoch(tmp_path):
    class Dropping(Line):
        def model(self):
            return nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1)).double()

        def train_data(self):
            class Noisy(Stream):
                def __iter__(self):
                    for x, y in super().__iter__():
                        yield torch.rand_like(x), y

            return Noisy(20)

        def optimizer(self, model, lr):
            return torch.optim.Adam(model.parameters(), lr)

    _, events = trained(Dropping(), tmp_path / "whole", epochs=2)
    whole = [event.loss for event in batches(events)]
    copies = []

    class Copying(Dropping):
        def loss(self, model, batch):
            path = tmp_path / "part" / "last.pt"
            if path.exists() and not copies and len(whole) == 10:
                copies.append(path.rename(tmp_path / "middle.pt"))
            return super().loss(model, batch)

    trained(Copying(), tmp_path / "part", epochs=2, save_every="3batches")
    checkpoint = read_checkpoint(tmp_path / "middle.pt")
    assert (checkpoint.start.epoch, checkpoint.start.batch) == (1, 3)
    _, events = trained(Dropping(), tmp_path / "rest", epochs=2, checkpoint=checkpoint)
    assert [event.loss for event in batches(events)] == whole[3:]


def test_the_random_numbers_of_a_stream_leave_the_others_alone():
    class Drawn(Stream):
        def __iter__(self):
            random.seed(1)
            return super().__iter__()

    random.seed(5)
    before = random.getstate()
    task = made(train_data=lambda self: Drawn(8))
    list(train_batches(task.train_data(), TrainConfig(), read_options(task), Share(0, 1)).epoch(1))
    assert random.getstate() == before
