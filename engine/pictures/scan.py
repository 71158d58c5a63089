"""What is in pictures and masks, and their pixels.

All are read once before a training begins, so none is found broken in its middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...errors import UsageError
from .decoded import Decoded
from .formats import reader_of
from .mask_facts import MaskFacts, facts_of
from .mask_pixels import MaskPixels, objects_of
from .reader import Header
from .readers.suffixes import PILLOW
from .scan_memory import Files, Looks, told

SMALL = 1 << 20
"""Bytes of a file that is not looked at to tell how many it has when it is decoded."""
STRIP = 1 << 22
"""Numbers looked at at a time."""


Done = Callable[[int], None]
"""Is told how many are done."""


def _unheard(done: int) -> None:
    """Nobody asks."""


class PictureFacts(msgspec.Struct, frozen=True):
    """What is known of one picture."""

    header: Header
    lowest: float
    highest: float
    """Of all its numbers; 0 and 255 for those of 8 bit, whatever they are."""


class Pictures:
    """Reads pictures and masks, and keeps what was decoded."""

    def __init__(self) -> None:
        self._decoded = Decoded()

    def scan(self, paths: Sequence[Path], progress: Done = _unheard) -> dict[Path, PictureFacts]:
        """What is in each picture; raises `UsageError` for one that cannot be read, or has NaN in it."""
        looks = Looks("pictures", PictureFacts, self._look_at_picture, _decoded_bytes)
        return dict(zip(paths, looks.into([(path,) for path in paths], progress), strict=True))

    def scan_masks(self, likes: Mapping[Files, Header], progress: Done = _unheard) -> dict[Files, MaskFacts]:
        """What is in each mask, of one file or several, by the headers of their pictures; raises `UsageError`."""
        looks = Looks(
            "masks",
            MaskFacts,
            lambda files: self._look_at_mask(files, likes[files]),
            _decoded_bytes,
            lambda files: str(likes[files]),
        )
        return dict(zip(likes, looks.into(list(likes), progress), strict=True))

    def pixels(self, path: Path) -> Any:
        """The pixels of a picture, [S, H, W] or [S, H, W, C], of its own number type; raises `UsageError`."""
        return told((path,), lambda: self._decoded.get("picture", (path,), lambda: reader_of(path).pixels(path)))

    def mask_numbers(self, files: Files, like: Header) -> Any:
        """The numbers of a mask of one file or several, [S, H, W], as its picture lies; raises `UsageError`."""
        kind = f"mask of {like}"
        return told(files, lambda: self._decoded.get(kind, files, lambda: _read_mask(files, like).numbers))

    def _look_at_picture(self, files: Files) -> PictureFacts:
        path = files[0]
        pixels = reader_of(path).pixels(path)
        self._decoded.offer("picture", files, pixels)
        lowest, highest = _range_of(path, pixels)
        return PictureFacts(_header_of(path, pixels), lowest, highest)

    def _look_at_mask(self, files: Files, like: Header) -> MaskFacts:
        mask = _read_mask(files, like)
        self._decoded.offer(f"mask of {like}", files, mask.numbers)
        return facts_of(mask)


def _header_of(path: Path, pixels: Any) -> Header:
    """By the pixels where the format says nothing else; opening thousands of files again takes seconds."""
    if path.suffix.lower() not in PILLOW:
        return reader_of(path).header(path)
    slices, height, width = pixels.shape[:3]
    return Header(slices, height, width, pixels.shape[3] if pixels.ndim == 4 else 1, pixels.dtype.name)


def _read_mask(files: Files, like: Header) -> MaskPixels:
    masks = [reader_of(path).mask(path, like) for path in files]
    return masks[0] if len(masks) == 1 else objects_of(masks)


def _range_of(path: Path, pixels: Any) -> tuple[float, float]:
    """The lowest and the highest number; raises `UsageError` where one is nan or inf."""
    if pixels.dtype == np.uint8:
        return 0.0, 255.0
    ranges = [(strip.min(), strip.max()) for strip in _strips(pixels)]
    lowest, highest = float(min(low for low, _ in ranges)), float(max(high for _, high in ranges))
    if not np.isfinite([lowest, highest]).all():
        raise UsageError("picture_not_finite", path=str(path))
    return lowest, highest


def _strips(pixels: Any) -> Iterator[Any]:
    flat = pixels.reshape(-1)
    for start in range(0, len(flat), STRIP):
        yield flat[start : start + STRIP]


def _decoded_bytes(files: Files) -> int:
    """Bytes of the pixels, in about."""
    size = 0
    for path in files:
        if path.is_dir() or path.stat().st_size >= SMALL:
            header: Header = reader_of(path).header(path)
            pixels = header.slices * header.height * header.width * header.channels
            size += pixels * np.dtype(header.number).itemsize
        else:
            size += SMALL
    return size
