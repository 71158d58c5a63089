"""How many samples a batch holds: one rule for all that loaders give.

- What torch's `default_collate` made has the samples as the rows of every tensor, so the first one tells.
- Of any other batch each tensor tells its rows, and the parts of a tuple, list or mapping must agree: ``(x, y)``.
- A tuple or list of things that are alike may also hold one thing for each sample: the images of a detector, texts,
  mappings. If both are possible and they do not agree, the batch size of the loader says which it is, and batches
  that are smaller are then read in the same way.
- A number or a text beside tensors is what single samples have, unless the rows fit into the batch size.
- Whatever is left open is unknown, as are objects of other classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

UNKNOWN_SAMPLES = 0
UNCOUNTED = -(1 << 60)
"""Instead of unknown samples in a sum, which is then less than 0 whatever else is added."""
DEFAULT_COLLATE = "torch.utils.data._utils.collate", "default_collate"
MATRIX = 2
"""Dimensions. Two of the same number of rows are no two samples of different length, if their rows differ."""


class SampleCounter:
    """Counts the samples of one loader's batches."""

    __slots__ = ("_batch_size", "_either", "_one_each", "stacked")

    def __init__(self, batch_size: int = 0, *, stacked: bool = False) -> None:
        """`batch_size` is 0 if the loader does not tell; `stacked`: torch's `default_collate` makes the batches."""
        self.stacked = stacked
        self._batch_size = batch_size
        self._one_each: bool | None = None
        """Whether its batches have one thing for each sample; None while no batch told."""
        self._either = False
        """A full batch could be read in both ways."""

    def count(self, batch: Any) -> int:
        """Samples of a batch; 0 if that cannot be known, or its own code does not let it be looked at."""
        try:
            return (_rows(batch) if self.stacked else self._among(batch)) or UNKNOWN_SAMPLES
        except Exception:  # noqa: BLE001 - it may be an object of any kind
            return UNKNOWN_SAMPLES

    def _among(self, batch: Any) -> int:
        if not isinstance(batch, (list, tuple)):
            return self._choose(_numbers(batch, self._batch_size) or set())
        together, one_each = _readings(batch, self._batch_size)
        if not one_each or together <= {one_each}:
            return self._choose({one_each} if one_each else together)
        if self._one_each is not None:
            return one_each if self._one_each else self._choose(together)
        each_fits, rows_fit = self._batch_size == one_each, self._batch_size in together
        if each_fits and rows_fit:
            self._either = True
        elif self._either:
            return UNKNOWN_SAMPLES
        elif each_fits or rows_fit:
            self._one_each = each_fits
        return self._choose({one_each, *together})

    def _choose(self, numbers: set[int]) -> int:
        if len(numbers) > 1:
            if self._batch_size in numbers:
                return self._batch_size
            numbers = {number for number in numbers if number < self._batch_size}
        return next(iter(numbers)) if len(numbers) == 1 else UNKNOWN_SAMPLES


def counter_of(loader: Any) -> SampleCounter:
    """That for the batches of a loader, of torch's or of any other kind."""
    try:
        size, collate = getattr(loader, "batch_size", None), getattr(loader, "collate_fn", None)
        if size is None:  # a sampler of batches of torch's own kind has it
            size = getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
        made_by = getattr(collate, "__module__", ""), getattr(collate, "__name__", "")
    except Exception:  # noqa: BLE001 - it may be an object of any kind
        return SampleCounter()
    return SampleCounter(size if type(size) is int and size > 0 else 0, stacked=made_by == DEFAULT_COLLATE)


def _rows(batch: Any) -> int | None:
    """Rows of the first tensor of a batch whose tensors all have the same."""
    if _is_tensor(batch):
        return int(batch.shape[0]) if batch.ndim else None
    parts = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (list, tuple)) else ()
    for part in parts:
        if isinstance(part, (str, bytes)):
            return len(parts) if isinstance(batch, (list, tuple)) else None
        rows = _rows(part)
        if rows is not None:
            return rows
    return None


def _numbers(value: Any, batch_size: int) -> set[int] | None:
    """How many samples a part of a batch may hold; None if it tells nothing, empty if it contradicts itself."""
    if isinstance(value, (list, tuple)):
        if not value or type(value).__name__ == "PackedSequence":
            return None
        together, one_each = _readings(value, batch_size)
        return {one_each, *together} if one_each else together
    if _is_tensor(value):
        return {int(value.shape[0])} if value.ndim else None
    if isinstance(value, Mapping):
        return _agreed(value.values(), batch_size)
    return None


def _readings(parts: list[Any] | tuple[Any, ...], batch_size: int) -> tuple[set[int], int]:
    """What the parts agree on, as rows of each; and their own number if they can be one for each sample, else 0."""
    return _agreed(parts, batch_size) or set(), len(parts) if _are_alike(parts) else 0


def _agreed(parts: Iterable[Any], batch_size: int) -> set[int] | None:
    agreed, beside = None, False
    for part in parts:
        numbers = _numbers(part, batch_size)
        if numbers is not None:
            agreed = numbers if agreed is None else agreed & numbers
        elif isinstance(part, (int, float, str, bytes)) or _is_tensor(part):
            beside = True
    if beside and agreed:
        return {number for number in agreed if number <= batch_size}
    return agreed


def _are_alike(parts: list[Any] | tuple[Any, ...]) -> bool:
    first = _kind(parts[0]) if parts else None
    return bool(parts) and all(_kind(part) == first for part in parts[1:])


def _kind(value: Any) -> Any:
    if _is_tensor(value):
        rows = tuple(value.shape) if value.ndim == MATRIX else ()
        return value.ndim, value.dtype, rows[1:]
    if isinstance(value, (list, tuple)):
        return type(value), _kind(value[0]) if value else None
    return frozenset(value) if isinstance(value, Mapping) else type(value)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "ndim") and hasattr(value, "shape")
