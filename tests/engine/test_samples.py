"""Batches that cannot be loaded, straight from a data loader: no rank, no run."""

import threading
from types import SimpleNamespace

import pytest
import torch
from everybatch.engine.blamed_file import blamed_file
from everybatch.engine.last_word import last_word
from everybatch.engine.messages import message_of
from everybatch.engine.samples import Collate, SampleError, Samples, UnreadableBatch
from everybatch.errors import UsageError
from torch.utils.data import DataLoader, Dataset


class Given(Dataset):
    """Raises what it is given, if anything, for sample 3."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 6

    def __getitem__(self, index):
        if index == 3 and self.error is not None:
            raise self.error
        return torch.full((2,), index)


def loaded(dataset, workers, collate=torch.utils.data.default_collate):
    loader = DataLoader(Samples(dataset), batch_size=2, num_workers=workers, collate_fn=Collate(collate))
    return list(loader)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("label"), ("KeyError", "'label'", "")),
        (OSError(5, "Input/output error", "a.png"), ("OSError", "[Errno 5] Input/output error: 'a.png'", "a.png")),
        (UsageError("image_unreadable", path="b.png", reason="cut"), ("UsageError", None, "b.png")),
    ],
)
def test_a_sample_that_cannot_be_read_stands_for_its_batch(workers, error, told):
    first, second, third = loaded(Given(error), workers)
    assert first.tolist() == [[0, 0], [1, 1]]
    assert third.tolist() == [[4, 4], [5, 5]]
    assert isinstance(second, UnreadableBatch)
    assert second.samples == (3,)
    assert (second.error, second.file) == (told[0], told[2])
    assert told[1] in (None, second.message)
    assert "in __getitem__" in second.trace


def test_an_error_of_ours_keeps_its_text_on_the_way():
    batch = loaded(Given(UsageError("image_unreadable", path="b.png", reason="cut")), 1)[1]
    word = last_word(1, SampleError("train_data()", batch), "en")
    assert word.kind == "failed_sample"
    assert word.message.startswith("cannot read sample train_data()[3] (file b.png): ")
    assert "(cut)" in word.message


@pytest.mark.parametrize("workers", [0, 1])
def test_samples_that_do_not_fit_together_are_told(workers):
    class Ragged(Given):
        def __getitem__(self, index):
            return torch.zeros(1 + index)

    batch = loaded(Ragged(None), workers)[0]
    assert (batch.samples, batch.error) == ((), "RuntimeError")


def test_a_batch_that_cannot_be_sent_is_told_and_one_with_odd_things_arrives():
    """A worker's queue would drop it, and the rank would wait for ever."""
    batch = loaded(Given(None), 1, lambda _: {"lock": threading.Lock()})[0]
    assert (batch.error, batch.samples) == ("TypeError", ())
    collate = Collate(lambda samples: SimpleNamespace(x=torch.stack(samples)))
    loader = DataLoader(Samples(Given(None)), batch_size=2, num_workers=1, collate_fn=collate)
    # Unpacked while the worker lives, as the loop does: tensors are fetched from it.
    assert [packed.unpacked().x[0, 0].item() for packed in loader] == [0, 2, 4]


def test_the_file_that_was_read_is_found_when_the_error_does_not_name_it(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"?")

    def load(name):
        return parse(name.open("rb"))

    def parse(file):
        raise ValueError(file.read())

    with pytest.raises(ValueError, match=r".") as raised:
        load(tmp_path / "a.npy")
    assert blamed_file(raised.value) == str(tmp_path / "a.npy")
    with pytest.raises(ZeroDivisionError) as raised:
        _ = 1 / 0
    assert blamed_file(raised.value) == ""


def test_what_torch_made_of_a_workers_error_is_told_by_its_last_line():
    text = (
        "Caught KeyError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\nKeyError: 1"
    )
    assert message_of(RuntimeError(text)) == "KeyError: 1"
