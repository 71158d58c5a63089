"""The keys that matter most, in the last line; a click does what the key does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events

from ..log.catalogue import Catalogue
from .lines import LineWidget, Piece


class FooterKey(NamedTuple):
    """One key of the footer."""

    key: str
    """As it is shown."""
    text: str
    """Key of its text in the catalogue."""
    action: str
    leave_out: int
    """Where there is little room the keys with the largest number are left out first; 0 stays."""


class Footer(LineWidget):
    """Keys and what they do."""

    def __init__(self, catalogue: Catalogue, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._catalogue = catalogue
        self._keys: Sequence[FooterKey] = ()

    def sync(self, keys: Sequence[FooterKey]) -> None:
        """Show these keys from now on."""
        if keys != self._keys:
            self._keys = keys
            self.redraw()

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
        """Key, text and action of the keys that fit."""
        texts = {key: self._catalogue.text(key.text) for key in self._keys}
        kept = set()
        left = width
        for key in sorted(self._keys, key=lambda key: key.leave_out):
            left -= cell_len(key.key) + cell_len(texts[key]) + 3
            if left < 0 and key.leave_out:
                break
            kept.add(key)
        return [(key.key, texts[key], key.action) for key in self._keys if key in kept]
