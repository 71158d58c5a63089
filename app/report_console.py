"""Where a report is printed, and how its tables look."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

MOST_WIDTH = 110


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave a reader that has left to the command, as with all that it prints."""
        raise BrokenPipeError


def report_console(most_width: int = MOST_WIDTH) -> Console:
    """The terminal, or what stands in its place; no wider than can be read."""
    console = _Console(soft_wrap=False)
    if console.width > most_width:
        console.width = most_width
    return console


def plain_table() -> Table:
    """One without lines."""
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
