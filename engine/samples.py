"""Samples of a dataset on their way to the loop: those that cannot be read are told by number and file.

A loader's worker does not raise: torch would rebuild the exception from its class and one text, which loses what
it held, fails for some classes, and says nothing of the sample. It sends an `UnreadableBatch` instead of a batch.
"""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch.utils.data import Dataset, get_worker_info

from ..errors import UsageError
from .batch_transport import fit_to_send
from .blamed_file import blamed_file
from .messages import message_of
from .random_state import seed_all, seed_of

UNSEEDED = -1
"""Where there is no seed, or no epoch yet."""


@dataclass(frozen=True)
class UnreadableBatch:
    """Stands for a batch that could not be made; travels from a loader's worker to its rank."""

    samples: tuple[int, ...]
    """Numbers of the samples, as the dataset's `__getitem__` got them; empty if they could be read, but not be put
    together."""
    error: str
    """Name of the exception's class."""
    message: str
    file: str
    """Path of the file that could not be read; empty if it is not known."""
    trace: str
    """The traceback, as text."""
    usage: str = ""
    """Key of a text of the catalogue, for a `UsageError`, and its fields."""
    fields: Mapping[str, str | int | float] = field(default_factory=dict)
    cause: Exception | None = None
    """What was raised, if it was in this very process."""


class SampleError(Exception):
    """A batch could not be loaded."""

    def __init__(self, data: str, batch: UnreadableBatch) -> None:
        """`data` names the task's method whose dataset it is."""
        super().__init__(batch.message)
        self.data = data
        self.batch = batch


class Samples(Dataset[Any]):
    """The samples of a task's dataset, a batch at a time."""

    def __init__(self, dataset: Dataset[Any], *, shared: bool = False) -> None:
        """With `shared`, workers that go on from epoch to epoch are told of the next one."""
        self._dataset: Any = dataset
        self._shared = shared
        self._now = torch.tensor([UNSEEDED, UNSEEDED])
        """Epoch and its seed."""
        if shared:
            self._now.share_memory_()  # type: ignore[no-untyped-call]
        self._epoch = UNSEEDED
        """The one that the dataset was told of."""

    def begin(self, epoch: int, seed: int | None) -> None:
        """What is asked for from now on is of this epoch.

        With `seed` the random generators are seeded anew for each batch, by the batch alone. So a worker augments
        it in the same way whether the epoch runs whole or resumes before it.
        """
        self._now.copy_(torch.tensor([epoch, UNSEEDED if seed is None else seed]))
        self._tell(epoch)

    def __len__(self) -> int:
        return len(cast(Sized, self._dataset))

    def __getitems__(self, indices: list[Any]) -> list[Any] | UnreadableBatch:
        epoch, seed = self._now.tolist()
        if self._shared and epoch != self._epoch:
            self._tell(epoch)
        if seed != UNSEEDED:  # a sampler of the task's own may give indices that are no numbers
            first = indices[0] if isinstance(indices[0], int) else zlib.crc32(repr(indices[0]).encode())
            seed_all(seed_of(seed, first))
        if getattr(self._dataset, "__getitems__", None):
            try:
                items: list[Any] = self._dataset.__getitems__(indices)
            except Exception as error:  # noqa: BLE001 - whatever it is, the rank tells it
                return unreadable(error, indices)
            return items
        samples = []
        for index in indices:
            try:
                samples.append(self._dataset[index])
            except Exception as error:  # noqa: BLE001 - as above
                return unreadable(error, [index])
        return samples

    def _tell(self, epoch: int) -> None:
        if hasattr(self._dataset, "set_epoch"):
            self._dataset.set_epoch(epoch)
        self._epoch = epoch


class Collate:
    """Puts samples together to a batch, which in a worker is made fit to be sent."""

    def __init__(self, collate: Callable[[list[Any]], Any]) -> None:
        self._collate = collate

    def __call__(self, samples: list[Any] | UnreadableBatch) -> Any:
        """The batch of `samples`, or what stands for one that could not be made."""
        if isinstance(samples, UnreadableBatch):
            return samples
        try:
            batch = self._collate(samples)
            return batch if get_worker_info() is None else fit_to_send(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rank tells it
            return unreadable(error, [])


def unreadable(error: Exception, samples: list[int]) -> UnreadableBatch:
    """What becomes of a batch when `error` was raised."""
    usage, fields = (error.key, error.fields) if isinstance(error, UsageError) else ("", {})
    trace = "".join(traceback.format_exception(error))
    cause = error if get_worker_info() is None else None
    return UnreadableBatch(
        tuple(samples), type(error).__name__, message_of(error), blamed_file(error), trace, usage, fields, cause
    )
