"""Colours of classes, on pictures for people to look at.

They are those of Okabe and Ito, which colour-blind people tell apart (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

OKABE_ITO: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
"""Without black, which is no colour on a grey picture."""
LIGHTER, DARKER = 0.5, 0.45
"""Mixed with white and with black for classes beyond these."""


def _mixed(colour: Colour, other: int, share: float) -> Colour:
    red, green, blue = (round(one * (1 - share) + other * share) for one in colour)
    return red, green, blue


COLOURS: tuple[Colour, ...] = (
    *OKABE_ITO,
    *(_mixed(colour, 255, LIGHTER) for colour in OKABE_ITO),
    *(_mixed(colour, 0, DARKER) for colour in OKABE_ITO),
)


def colour_of(label: int) -> Colour:
    """Of the class with this number, 1 or more."""
    return COLOURS[(label - 1) % len(COLOURS)]
