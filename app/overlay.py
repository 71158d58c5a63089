"""Pictures as they are shown to a person: small, with the mask in colours over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.pictures.class_colours import Colour, colour_of

VOID_COLOURS: tuple[Colour, Colour] = ((96, 96, 96), (200, 200, 200))
"""Of the stripes."""
FILL, EDGE, STRIPES = 0.38, 0.9, 0.75
"""How much of the mask's colour there is inside a class, at its edge, and of the void's stripes."""
EDGES_A_SIDE = 240
"""Edges are as thick as one part in so many of the longer side."""
STRIPES_A_SIDE = 60


def overlaid(picture: Any, labels: Any) -> Any:
    """A picture, uint8 [H, W, 3], with its labels [H, W] over it: classes filled and edged, the void striped."""
    colours = np.array([(0, 0, 0), *(colour_of(label) for label in range(1, max(1, int(labels.max())) + 1))])
    colour = colours[labels.clip(min=0)].astype(np.float32)
    void = labels < 0
    longer = max(labels.shape)
    rows, columns = np.indices(labels.shape)
    stripe = (rows + columns) // max(1, longer // STRIPES_A_SIDE) % 2
    colour[void] = np.array(VOID_COLOURS)[stripe[void]]
    share = np.where(labels > 0, FILL, 0.0)
    share[_edges(labels, max(1, round(longer / EDGES_A_SIDE))) & (labels > 0)] = EDGE
    share[void] = STRIPES
    share = share[..., None].astype(np.float32)
    return np.rint(picture * (1 - share) + colour * share).astype(np.uint8)


def _edges(labels: Any, thickness: int) -> Any:
    """Where another class is that near, in one of the four directions."""
    edges = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        for distance in range(1, min(thickness, labels.shape[axis] - 1) + 1):
            ahead = [slice(None), slice(None)]
            behind = [slice(None), slice(None)]
            ahead[axis], behind[axis] = slice(distance, None), slice(None, -distance)
            differ = labels[tuple(ahead)] != labels[tuple(behind)]
            edges[tuple(ahead)] |= differ
            edges[tuple(behind)] |= differ
    return edges


def evenly(count: int, most: int) -> Sequence[int]:
    """Numbers below `count`, `most` at most, spread over all."""
    chosen = min(count, most)
    return [(2 * place + 1) * count // (2 * chosen) for place in range(chosen)]
