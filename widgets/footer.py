"""The keys that matter most, in the last line; a click does what the key does."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events

from ..log.catalogue import Catalogue
from .lines import LineWidget, Piece

KEYS = (
    ("space", "follow", "follow"),
    ("/", "search", "search"),
    ("f", "filter", "filter"),
    ("+", "longer", "interval(1)"),
    ("-", "shorter", "interval(-1)"),
    ("p", "pause", "pause"),
    ("s", "save", "save"),
    ("z", "zoom", "zoom"),
    ("t", "theme", "theme"),
    ("?", "help", "help"),
    ("q", "quit", "leave"),
)
"""Key, name of its short text, action."""
FEW = {"space", "/", "+", "-", "?", "q"}
"""What is left of it on a narrow screen."""


class Footer(LineWidget):
    """Keys and what they do."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._catalogue = catalogue

    def pieces(self, y: int, width: int) -> Sequence[Piece]:
        """All keys, or the most important ones."""
        return [
            piece for key, text, _ in self._fitting(width) for piece in ((f" {key} ", "title"), (f"{text} ", "dim"))
        ]

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the pointer does."""
        x = 0
        for key, text, action in self._fitting(self.size.width):
            x += cell_len(key) + cell_len(text) + 3
            if event.x < x:
                await self.app.run_action(action)
                return

    def _fitting(self, width: int) -> list[tuple[str, str, str]]:
        keys = [(key, self._catalogue.text(f"ui_short_{name}"), action) for key, name, action in KEYS]
        total = sum(cell_len(key) + cell_len(text) + 3 for key, text, _ in keys)
        return keys if total <= width else [entry for entry in keys if entry[0] in FEW]
