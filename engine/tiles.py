"""Whole pictures through a network that was trained on crops: tiles that overlap, weighted towards their middle.

It is written here, as MONAI, whose `sliding_window_inference` does the same, is a heavy dependency, and holds
what it finds in a whole picture as floats: 1.2 GB for 10,000×10,000 pixels and three classes. A strip is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .pictures.crops import CROP, reflect

LARGEST = 256
"""Side of a tile where a picture is as large. With 128, as in training, the Dice score was 0.844 instead of 0.861
for two classes of blobs and 0.926 instead of 0.928 for membranes, and without overlap 0.811 and 0.921; with 512 it
was 0.851 and 0.929. Weights like a Gaussian, and probabilities instead of logits, changed 0.001 at most."""
MULTIPLE = 8
"""Sides that the network takes."""
BATCH = 8
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
    (rows, tops), (columns, lefts) = starts(height), starts(width)
    group = max(1, tiling.batch // len(lefts))
    labels = np.empty(tiling.shape, np.uint8 if tiling.outputs <= 1 << 8 else np.uint16)
    weights = (_weights(rows)[:, None] * _weights(columns)).to(device)
    with torch.inference_mode():
        for first in range(0, slices, group):
            members = range(first, min(first + group, slices))
            sums = torch.zeros(len(members), tiling.outputs, rows, max(width, columns), device=device)
            for number, top in enumerate(tops):
                strips = _strip(window, members, slice(top, top + rows), tiling.shape, columns).to(device)
                _add_row(sums, strips, lefts, tiling, network, weights)
                following = tops[number + 1] if number + 1 < len(tops) else height
                done = following - top
                labels[first : members.stop, top:following] = _decided(sums[:, :, :done, :width])
                sums = torch.cat([sums[:, :, done:], torch.zeros_like(sums[:, :, :done])], dim=2)
                progress((first * height + len(members) * following) / (slices * height))
    return labels


def starts(length: int) -> tuple[int, list[int]]:
    """The side of tiles along a side of a picture, and where they begin: each half of it, and at the end.

    A picture between 128 and 256 gets a tile of its size, a smaller one is reflected until it has that of training.
    """
    tile = min(LARGEST, max(CROP, math.ceil(length / MULTIPLE) * MULTIPLE))
    last = max(0, length - tile)
    return tile, [*range(0, last, tile // 2), last]


def _strip(window: Window, members: Sequence[int], rows: slice, shape: tuple[int, int, int], least: int) -> Tensor:
    """Some rows of some slices, [S, C, rows, W], reflected where they are beyond the picture or `least` wide."""
    _, height, width = shape
    indices = reflect(np.arange(rows.start, rows.stop), height)
    strips = np.stack([window(member, indices) for member in members])
    if width < least:
        strips = strips[..., reflect(np.arange(least), width)]
    return torch.from_numpy(np.ascontiguousarray(strips))


def _add_row(
    sums: Tensor, strips: Tensor, lefts: Sequence[int], tiling: Tiling, network: Network, weights: Tensor
) -> None:
    side = weights.shape[1]
    places = [(member, left) for member in range(len(strips)) for left in lefts]
    for some in _batches(places, tiling.batch):
        tiles = torch.stack([strips[member, :, :, left : left + side] for member, left in some])
        for (member, left), found in zip(some, network(tiles), strict=True):
            sums[member, :, :, left : left + side] += found * weights


def _batches(places: Sequence[tuple[int, int]], size: int) -> Iterator[Sequence[tuple[int, int]]]:
    for first in range(0, len(places), size):
        yield places[first : first + size]


def _decided(sums: Tensor) -> Any:
    """The class of each pixel by what was added up; the weights, being above 0, need not be divided by."""
    if sums.shape[1] == 1:
        return (sums[:, 0] > 0).cpu().numpy()
    return sums.argmax(dim=1).cpu().numpy()


def _weights(side: int) -> Tensor:
    """Of the pixels along a side of a tile: falling in a line from 1 in the middle to nearly 0 at the ends."""
    return 1 - ((torch.arange(side) + 0.5) / (side / 2) - 1).abs()
