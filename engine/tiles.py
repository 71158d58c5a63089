"""Whole pictures through a network that was trained on crops: tiles that overlap, weighted towards their middle.

It is written here, as MONAI, whose `sliding_window_inference` does the same, is a heavy dependency, and holds
what it finds in a whole picture as floats: 1.2 GB for 10,000×10,000 pixels and three classes. A strip is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .pictures.crops import CROP, reflect

TILE = CROP
"""As in training: GroupNorm goes by what is in the whole tile, so a larger one is answered otherwise."""
STEP = TILE // 2
BATCH = 16
"""Tiles at a time."""

Window = Callable[[int, Any], Any]
"""Gives the numbers of a slice in some rows (indices) as the network gets them, [C, rows, W] float32."""
Network = Callable[[Tensor], Tensor]
Progress = Callable[[float], None]
"""Is told which share is done, from 0 to 1."""


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut."""

    shape: tuple[int, int, int]
    """Slices, height and width."""
    outputs: int
    """Of the network: one for the foreground, or one a class."""
    batch: int = BATCH


def labels_of(window: Window, tiling: Tiling, network: Network, device: torch.device, progress: Progress) -> Any:
    """The class of each pixel, [S, H, W] uint8, or uint16 where there are more than 256.

    What the network says of a pixel in all tiles that hold it is added up, weighted. Only the rows that a row of
    tiles covers are held as floats, in groups of slices that fill a batch.
    """
    slices, height, width = tiling.shape
    tops, lefts = starts(height), starts(width)
    group = max(1, tiling.batch // len(lefts))
    labels = np.empty(tiling.shape, np.uint8 if tiling.outputs <= 1 << 8 else np.uint16)
    weights = _weights().to(device)
    with torch.inference_mode():
        for first in range(0, slices, group):
            members = range(first, min(first + group, slices))
            sums = torch.zeros(len(members), tiling.outputs, TILE, max(width, TILE), device=device)
            for number, top in enumerate(tops):
                strips = _strip(window, members, top, tiling.shape).to(device)
                _add_row(sums, strips, lefts, tiling, network, weights)
                following = tops[number + 1] if number + 1 < len(tops) else height
                done = following - top
                labels[first : members.stop, top:following] = _decided(sums[:, :, :done, :width])
                sums = torch.cat([sums[:, :, done:], torch.zeros_like(sums[:, :, :done])], dim=2)
                progress((first * height + len(members) * following) / (slices * height))
    return labels


def starts(length: int) -> list[int]:
    """Where tiles begin along a side: each `STEP`, and the last one where it ends with a picture of its size."""
    last = max(0, length - TILE)
    return [*range(0, last, STEP), last]


def _strip(window: Window, members: Sequence[int], top: int, shape: tuple[int, int, int]) -> Tensor:
    """The rows of some slices that a row of tiles covers, [S, C, TILE, W]; reflected in a smaller picture."""
    _, height, width = shape
    rows = reflect(np.arange(top, top + TILE), height)
    strips = np.stack([window(member, rows) for member in members])
    if width < TILE:
        strips = strips[..., reflect(np.arange(TILE), width)]
    return torch.from_numpy(np.ascontiguousarray(strips))


def _add_row(
    sums: Tensor, strips: Tensor, lefts: Sequence[int], tiling: Tiling, network: Network, weights: Tensor
) -> None:
    places = [(member, left) for member in range(len(strips)) for left in lefts]
    for some in _batches(places, tiling.batch):
        tiles = torch.stack([strips[member, :, :, left : left + TILE] for member, left in some])
        for (member, left), found in zip(some, network(tiles), strict=True):
            sums[member, :, :, left : left + TILE] += found * weights


def _batches(places: Sequence[tuple[int, int]], size: int) -> Iterator[Sequence[tuple[int, int]]]:
    for first in range(0, len(places), size):
        yield places[first : first + size]


def _decided(sums: Tensor) -> Any:
    """The class of each pixel by what was added up; the weights, being above 0, need not be divided by."""
    if sums.shape[1] == 1:
        return (sums[:, 0] > 0).cpu().numpy()
    return sums.argmax(dim=1).cpu().numpy()


def _weights() -> Tensor:
    """Of the pixels of a tile, [TILE, TILE]: falling from 1 in the middle in a line to nearly 0 at the sides."""
    side = 1 - ((torch.arange(TILE) + 0.5) / (TILE / 2) - 1).abs()
    return side[:, None] * side
