"""Loader processes that go on from epoch to epoch give what new ones would give."""

import os
import re
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from everybatch.engine.config import TrainConfig
from everybatch.engine.data import TrainData, ValData
from PIL import Image

from ..support import until


class Noise(torch.utils.data.Dataset):
    """Says which process made it, in which epoch, and a random number."""

    epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return index, self.epoch, np.random.random(), os.getpid()


def options(persistent):
    return SimpleNamespace(persistent_workers=persistent, sampler=None, collate_fn=None, val_batch_size=None)


def loaders(persistent):
    config = TrainConfig(workers=2, batch_size=2)
    return [kind(Noise(), config, 0, 1, options(persistent)) for kind in (TrainData, ValData)]


def told(batches):
    """What the batches are, but for the processes that made them."""
    return [torch.stack([part.double() for part in batch[:3]]).tolist() for batch in batches]


@pytest.mark.parametrize("kind", [0, 1], ids=["training", "validation"])
def test_every_epoch_is_the_same_whether_the_processes_are_new_or_not(kind):
    new, going_on = loaders(persistent=False)[kind], loaders(persistent=True)[kind]
    for epoch in (1, 2, 5):
        ours, theirs = told(going_on.epoch(epoch)), told(new.epoch(epoch))
        if kind == 0:
            assert ours == theirs
            assert {number for _, numbers, _ in ours for number in numbers} == {epoch}
        else:
            assert [batch[0] for batch in ours] == [batch[0] for batch in theirs]


@pytest.mark.parametrize("kind", [0, 1], ids=["training", "validation"])
def test_the_processes_go_on_and_an_epoch_does_not_depend_on_those_before_it(kind):
    one, other = loaders(persistent=True)[kind], loaders(persistent=True)[kind]
    pids = set()
    for epoch in (1, 2):
        pids |= {pid for batch in one.epoch(epoch) for pid in batch[3].tolist()}
    assert len(pids) == 2
    assert told(one.epoch(3)) == told(other.epoch(3))


def test_an_epoch_that_was_left_in_its_middle_leaves_nothing_behind():
    left, straight = loaders(persistent=True)[0], loaders(persistent=True)[0]
    next(iter(left.epoch(1)))
    assert told(left.epoch(2)) == told(straight.epoch(2))


def batches_of(folder):
    log = "".join(path.read_text() for path in folder.glob("log/*.log"))
    return re.findall(r"Epoch \[.* - Batch Loss: .*", log)


@pytest.mark.slow
def test_pictures_resumed_in_the_middle_of_an_epoch_are_learnt_bit_for_bit(start, train, tmp_path):
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for number in range(10):
            pixels = random.integers(0, 2, (150, 150), np.uint8) * (255 if kind == "images" else 1)
            Image.fromarray(pixels).save(tmp_path / "data" / kind / f"{number}.png")
    flags = ("--task", "image_folder", "--data", "data", "--nproc", "2", "--workers", "1", "--epochs", "3")
    assert train(*flags, "--output_dir", "whole").code == 0
    run = start(*flags, "--output_dir", "parts", "--save_every", "1batches")
    until(lambda: any("[2/3]" in line and "(1/" in line for line in batches_of(tmp_path / "parts")))
    run.send(signal.SIGINT)
    assert run.wait().code == 130
    assert len(batches_of(tmp_path / "parts")) < len(batches_of(tmp_path / "whole"))
    assert train("--resume", "--output_dir", "parts").code == 0
    assert batches_of(tmp_path / "parts") == batches_of(tmp_path / "whole")
