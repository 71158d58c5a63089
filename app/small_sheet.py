"""A few pairs in characters: each half of a block is a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from ..engine.pictures.class_colours import colour_of
from ..log.catalogue import Catalogue, one_line
from .overlay import VOID_COLOURS
from .shown_pairs import ShownPair

HALF = "▀"
"""Its upper half has the colour of the text, its lower half that of the background."""
MOST, LEAST_WIDTH, MOST_WIDTH, GAP = 4, 24, 34, 2
"""Pictures side by side, and columns of one and between two."""
MOST_ROWS = 18
MOST_COLUMNS = MOST * (MOST_WIDTH + GAP) - GAP
"""Of a terminal that are used."""
PIXELS = 400
"""On the longer side of a picture that is made small."""
BRIGHTNESS = (0.5, 0.75, 1.0)
"""Of the colour of a class over dark, middle and bright places, where there are few colours."""


def can_show(console: Console) -> bool:
    """Whether there is a terminal with colours that has the character; without colours there is nothing to see."""
    if not console.is_terminal or console.is_dumb_terminal or console.no_color or console.color_system is None:
        return False
    try:
        HALF.encode(console.encoding)
    except UnicodeError:
        return False
    return True


def how_many(console: Console) -> int:
    """Pairs that are beside one another in this terminal."""
    return max(1, min(MOST, (console.width + GAP) // (LEAST_WIDTH + GAP)))


def print_sheet(console: Console, pairs: Sequence[ShownPair], catalogue: Catalogue) -> None:
    """The pictures with their masks, no wider than the terminal."""
    width = min(MOST_WIDTH, (console.width + GAP) // len(pairs) - GAP)
    small = _means if console.color_system == "truecolor" else _few_colours
    tiles = [_tile(small(pair, _size(pair, width)), width) for pair in pairs]
    gap = Text(" " * GAP)
    console.print(gap.join(_caption(pair, width, catalogue) for pair in pairs), no_wrap=True, overflow="crop")
    for row in range(max(len(tile) for tile in tiles)):
        cells = [tile[row] if row < len(tile) else Text(" " * width) for tile in tiles]
        line = gap.join(cells)
        line.rstrip()
        console.print(line, no_wrap=True, overflow="crop")


def _caption(pair: ShownPair, width: int, catalogue: Catalogue) -> Text:
    side = catalogue.text(f"data_{pair.side}")
    room = max(1, width - cell_len(side) - 1)
    name = one_line(pair.name)
    if cell_len(name) > room:
        name = set_cell_size(name, room - 1).rstrip() + "…"
    return Text.assemble(
        (set_cell_size(name, room), "bold"), " ", (side, "dim" if pair.side == "train" else "cyan")
    )


def _size(pair: ShownPair, width: int) -> tuple[int, int]:
    """Columns, and rows of pixels: an even number, as two are in a line."""
    full_height, full_width = pair.labels.shape
    scale = min(width / full_width, 2 * MOST_ROWS / full_height)
    return min(width, max(1, round(full_width * scale))), max(2, 2 * round(full_height * scale / 2))


def _means(pair: ShownPair, size: tuple[int, int]) -> Any:
    """The mean of the colours that a pixel stands for."""
    return _small(pair.overlay, size)


def _few_colours(pair: ShownPair, size: tuple[int, int]) -> Any:
    """Each pixel grey, or of the colour of the class that most of it is: mixed ones would change their hue."""
    labels = np.unique(pair.labels)
    shares = np.stack([_small(((pair.labels == label) * 255).astype(np.uint8), size) for label in labels])
    most = labels[shares.argmax(axis=0)]
    grey = _small(pair.picture, size).astype(float).mean(axis=2) / 255
    pixels = np.repeat(grey[..., None] * 255, 3, axis=2)
    levels = np.array(BRIGHTNESS)[(grey * len(BRIGHTNESS)).astype(int).clip(max=len(BRIGHTNESS) - 1)]
    for label in labels[labels > 0]:
        here = most == label
        pixels[here] = levels[here][:, None] * colour_of(int(label))
    rows, columns = np.nonzero(most < 0)
    pixels[rows, columns] = np.array(VOID_COLOURS)[(rows + columns) % 2]
    return np.rint(pixels).astype(np.uint8)


def _small(pixels: Any, size: tuple[int, int]) -> Any:
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _tile(pixels: Any, width: int) -> list[Text]:
    lines = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            line.append(HALF, Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
        line.append(" " * (width - len(upper)))
        lines.append(line)
    return lines
