"""The keys of the monitor. One table tells what each does and where it is shown: help, palette and footer."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from ..metrics.commands import Command
from ..widgets.footer import FooterKey


@dataclass(frozen=True, kw_only=True)
class Key:
    """One action and its keys."""

    keys: str
    """As Textual names them, with commas between."""
    action: str
    meaning: str
    """`ui_key_<meaning>` is the text of the catalogue; actions with the same meaning share a line of the help."""
    help: str = ""
    """The keys of that line, as a person reads them; the first action of a meaning has it."""
    palette: str = ""
    """The key as the command palette shows it; empty for what only makes sense as a key."""
    footer: str = ""
    """`ui_short_<footer>` is its text in the footer."""
    footer_place: int = 0
    leave_out: int = 0
    """A narrow footer is without the keys that have the largest number here; 0 stays."""
    bound_by_us: bool = True
    """False for a key that Textual binds by itself."""
    priority: bool = False
    """Works while a text is typed too."""
    asks: Command | None = None
    """What the run is asked for by it; shown while there is somebody who does that."""
    while_live: bool = False
    """Of no use when the run has ended."""
    meaning_ended: str = ""
    """What it means when the run has ended, if that is something else."""


KEYS = (
    Key(keys="plus,equals_sign", action="interval(1)", meaning="interval", help="+ -", palette="+",
        footer="longer", footer_place=4, asks=Command.INTERVAL),
    Key(keys="minus", action="interval(-1)", meaning="interval", palette="-",
        footer="shorter", footer_place=5, asks=Command.INTERVAL),
    Key(keys="space", action="follow", meaning="follow", help="space", palette="space",
        footer="follow", footer_place=1),
    Key(keys="slash", action="search", meaning="search", help="/ n N", palette="/",
        footer="search", footer_place=2),
    Key(keys="n", action="again(1)", meaning="search", palette="n"),
    Key(keys="N", action="again(-1)", meaning="search", palette="N"),
    Key(keys="f", action="filter", meaning="filter", help="f", palette="f", footer="filter", footer_place=3,
        leave_out=3),
    Key(keys="y", action="copy", meaning="copy", help="y", palette="y"),
    Key(keys="up,k", action="scroll(-1)", meaning="move", help="↑ ↓ j k  PgUp PgDn  ^u ^d"),
    Key(keys="down,j", action="scroll(1)", meaning="move"),
    Key(keys="pageup", action="page(-1.0)", meaning="move"),
    Key(keys="pagedown", action="page(1.0)", meaning="move"),
    Key(keys="ctrl+u", action="page(-0.5)", meaning="move"),
    Key(keys="ctrl+d", action="page(0.5)", meaning="move"),
    Key(keys="home,g", action="first", meaning="ends", help="g G  Home End", palette="g"),
    Key(keys="end,G", action="last", meaning="ends", palette="G"),
    Key(keys="z,f10", action="zoom", meaning="zoom", help="z  F10", palette="z", footer="zoom", footer_place=8,
        leave_out=4),
    Key(keys="tab", action="next_zoom", meaning="next_zoom", help="Tab", palette="Tab", priority=True),
    Key(keys="1", action="panel('plot')", meaning="panels", help="1 2 3 4 5", palette="1"),
    Key(keys="2", action="panel('ranks')", meaning="panels", palette="2"),
    Key(keys="3", action="panel('system')", meaning="panels", palette="3"),
    Key(keys="4", action="panel('epochs')", meaning="panels", palette="4"),
    Key(keys="5", action="panel('values')", meaning="panels", palette="5"),
    Key(keys="v", action="next_value(1)", meaning="values", help="v V", palette="v"),
    Key(keys="V", action="next_value(-1)", meaning="values", palette="V"),
    Key(keys="L", action="log_scale", meaning="log_scale", help="L", palette="L"),
    Key(keys="e", action="smoothing", meaning="smoothing", help="e", palette="e"),
    Key(keys="b", action="symbols", meaning="symbols", help="b", palette="b"),
    Key(keys="p", action="pause", meaning="pause", help="p", palette="p", footer="pause", footer_place=6,
        leave_out=1, asks=Command.PAUSE),
    Key(keys="s", action="save", meaning="save", help="s", palette="s", footer="save", footer_place=7,
        leave_out=2, asks=Command.SAVE),
    Key(keys="d", action="stacks", meaning="stacks", help="d", palette="d", asks=Command.STACKS),
    Key(keys="t", action="theme", meaning="theme", help="t", palette="t", footer="theme", footer_place=9,
        leave_out=5),
    Key(keys="question_mark,f1", action="help", meaning="help", help="?  F1", palette="?",
        footer="help", footer_place=10),
    Key(keys="ctrl+p", action="command_palette", meaning="palette", help="^p", bound_by_us=False),
    Key(keys="ctrl+z", action="suspend_process", meaning="suspend", help="^z"),
    Key(keys="escape", action="undo", meaning="back", help="Esc", palette="Esc"),
    Key(keys="q,ctrl+c", action="leave", meaning="quit", help="q  ^c", palette="q",
        footer="quit", footer_place=11, meaning_ended="leave"),
    Key(keys="ctrl+q", action="exit_now", meaning="exit", help="^q", palette="^q", priority=True,
        while_live=True),
)  # fmt: skip

BINDINGS: list[BindingType] = [
    Binding(key.keys, key.action, priority=key.priority) for key in KEYS if key.bound_by_us
]


def of_use(taken: Container[Command], *, ended: bool) -> list[Key]:
    """The keys that do something, for a run that takes what is in `taken`."""
    return [key for key in KEYS if (key.asks is None or key.asks in taken) and not (key.while_live and ended)]


def help_lines(taken: Container[Command] = tuple(Command), *, ended: bool = False) -> Iterator[tuple[str, str]]:
    """The lines of the help: the keys as a person reads them, and what they do as a key of the catalogue."""
    for key in of_use(taken, ended=ended):
        if key.help:
            yield key.help, _meaning(key, ended=ended)


def palette_entries(taken: Container[Command], *, ended: bool) -> Iterator[tuple[str, str, str]]:
    """The entries of the command palette: a key, the text of the catalogue, the action."""
    for key in of_use(taken, ended=ended):
        if key.palette:
            yield key.palette, _meaning(key, ended=ended), key.action


def footer_keys(taken: Container[Command], *, ended: bool) -> list[FooterKey]:
    """The keys of the footer, from left to right."""
    shown = sorted((key for key in of_use(taken, ended=ended) if key.footer), key=lambda key: key.footer_place)
    return [FooterKey(key.palette, f"ui_short_{key.footer}", key.action, key.leave_out) for key in shown]


def _meaning(key: Key, *, ended: bool) -> str:
    return f"ui_key_{key.meaning_ended if ended and key.meaning_ended else key.meaning}"
