"""What the side panels say, in three lines for a narrow screen."""

from __future__ import annotations

from collections.abc import Sequence

from ..log.catalogue import Catalogue
from ..metrics.run_view import RunView
from .lines import LineWidget, Piece


class CompactSummary(LineWidget):
    """Ranks and system, the newest epoch, the newest warning."""

    _lines: Sequence[Sequence[Piece]] = ()

    def sync(self, lines: Sequence[Sequence[Piece]], view: RunView, catalogue: Catalogue) -> None:
        """Draw these lines, and the newest warning below."""
        warning = [(" " + catalogue.notice(view.notice), "warn")] if view.notice is not None else []
        if [*lines, warning] != self._lines:
            self._lines = [*lines, warning]
            self.redraw()

    def pieces(self, y: int, width: int) -> Sequence[Piece]:
        """One of the three lines."""
        return self._lines[y] if y < len(self._lines) else ()
