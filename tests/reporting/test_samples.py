"""The number of samples of batches of every kind: the true one or unknown, never a wrong one."""

from collections import UserDict

import numpy as np
import pytest
import torch
from everybatch.reporting.samples import SampleCounter, counter_of
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, Dataset, TensorDataset

LABELS = torch.zeros(4, dtype=torch.int64)


def image(height=8):  # a sample of images of three channels
    return torch.zeros(3, height, 9)


def boxes(count):
    return {"boxes": torch.zeros(count, 4), "labels": torch.zeros(count, dtype=torch.int64), "id": 7}


def named(count):
    return {"image": image(), "name": "a", "boxes": torch.zeros(count, 4)}


class Odd:
    def __getattr__(self, name):
        raise LookupError(name)


CASES = {
    # batch, batch size of the loader or 0 → samples
    "tensor": (torch.zeros(4, 3), 0, 4),
    "array": (np.zeros((4, 3)), 0, 4),
    "x and y": ([torch.zeros(4, 3), LABELS], 0, 4),
    "x and y of one kind, of other rows": ((torch.zeros(4, 3), torch.zeros(4, 1)), 0, 4),
    "x and y of one shape": ((torch.zeros(4, 3), torch.zeros(4, 3)), 4, 4),
    "x and y of one shape, who knows": ((torch.zeros(4, 3), torch.zeros(4, 3)), 0, 0),
    "views of other sizes": ([torch.zeros(4, 3, 8, 8), torch.zeros(4, 3, 5, 5)], 4, 4),
    "only x": ((torch.zeros(4, 3),), 4, 4),
    "mapping": ({"x": torch.zeros(4, 3), "y": LABELS, "names": ["a", "b", "c", "d"]}, 0, 4),
    "encoding": (UserDict(input_ids=torch.zeros(4, 9), labels=LABELS), 0, 4),
    "nested": ({"a": [["name"] * 4, {"b": (torch.zeros(4, 2), [torch.ones(4)])}]}, 4, 4),
    "mixed up": ((torch.zeros(4, 3), (LABELS, LABELS), 0.3), 4, 4),
    "mixed up, the last": ((torch.zeros(3, 3), LABELS[:3], 0.3), 4, 3),
    "packed": ((pack_sequence([torch.ones(5), torch.ones(2)]), torch.zeros(2)), 0, 2),
    "detection": (((image(8), image(5)), (boxes(5), boxes(1))), 0, 2),
    "detection, of equal counts": (((image(), image()), (boxes(3), boxes(3))), 2, 2),
    "detection, masks, who knows": (((image(), image()), (image(), image())), 0, 0),
    "detection, four": (([image()] * 4, [boxes(2)] * 4), 0, 4),
    "detection, one": (((image(),), (boxes(3),)), 2, 1),
    "images": ([image(8), image(5)], 2, 2),
    "images, who knows": ([image(8), image(5)], 0, 0),
    "mappings": ([named(1), named(2)], 2, 2),
    "mappings, three": ([named(3)] * 3, 0, 3),
    "samples as they are": ([(image(), 1), (image(), 0)], 0, 2),
    "sequences": ([torch.ones(5), torch.ones(2), torch.ones(3)], 0, 3),
    "strings": (["a", "b", "c"], 0, 3),
    "a sample, not a batch": ((image(), 1), 0, 0),
    "a graph": ((torch.zeros(2, 9), torch.zeros(5, 3), LABELS), 4, 0),
    "nothing": ([], 0, 0),
    "a text": ("text", 0, 0),
    "an object": (object(), 0, 0),
    "an odd object": (Odd(), 0, 0),
    "an odd object within": ([Odd(), LABELS], 0, 0),
}


@pytest.mark.parametrize(("batch", "size", "samples"), CASES.values(), ids=CASES)
def test_samples_of_a_batch(batch, size, samples):
    assert SampleCounter(size).count(batch) == samples


def test_smaller_batches_are_read_as_full_ones_were():
    together, one_each = SampleCounter(4), SampleCounter(4)
    assert together.count([torch.zeros(4, 3), torch.zeros(4, 3)]) == 4
    assert one_each.count([image()] * 4) == 4
    assert together.count([torch.zeros(3, 3), torch.zeros(3, 3)]) == 3
    assert one_each.count([image()] * 2) == 2


class Data(Dataset):
    def __init__(self, sample):
        self.sample = sample

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return self.sample


def counted(sample, **options):
    loader = DataLoader(Data(sample), **options)
    counter = counter_of(loader)
    return [counter.count(batch) for batch in loader]


@pytest.mark.parametrize(
    "sample",
    [image(), (image(), 1), (image(), image()), (image(), "a"), {"x": image(), "name": "a"}, "a", ("a", "b"), 1.5],
)
def test_what_torch_collates_is_counted(sample):
    assert counted(sample, batch_size=2) == [2, 2, 1]


def test_loaders_tell_how_their_batches_are_made():
    detection = {"batch_size": 2, "collate_fn": lambda samples: tuple(zip(*samples, strict=True))}
    assert counted((image(), boxes(3)), **detection) == [2, 2, 1]
    assert counted((image(), image()), batch_size=4, collate_fn=list) == [4, 1]
    sampler = torch.utils.data.BatchSampler(range(5), 2, drop_last=False)
    assert counted((image(), image()), batch_sampler=sampler, collate_fn=list) == [2, 2, 0]  # a pair or two
    assert counted((image(), 1), batch_size=None) == [0] * 5
    whole = counter_of([(torch.zeros(4, 3), LABELS)])
    assert whole.count((torch.zeros(4, 3), LABELS)) == 4
    assert counter_of(DataLoader(TensorDataset(LABELS))).stacked
    assert counter_of(Odd()).count(LABELS) == 4
