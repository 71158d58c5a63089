"""The small screens over the monitor: leaving, help, typing."""

from __future__ import annotations

from collections.abc import Container, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ..log.catalogue import Catalogue
from ..metrics.commands import Command
from ..metrics.records import shown_total
from ..metrics.run_view import RunView

DIALOG_CSS = """
ModalScreen { align: center middle; background: $background 60%; }
ModalScreen > Vertical, ModalScreen > VerticalScroll {
    width: auto; max-width: 100%; height: auto; max-height: 100%;
    border: round $primary; padding: 1 2; background: $background;
}
ModalScreen.-narrow > VerticalScroll, ModalScreen.-tiny > VerticalScroll { padding: 0 1; }
ModalScreen Static { width: auto; height: auto; }
Prompt { align: center bottom; background: $background 0%; }
Prompt > Vertical { width: 100%; max-width: 100%; border: none; padding: 0; }
Prompt Input { width: 100%; border: none; height: 1; padding: 0 1; background: $surface; }
"""


AROUND = 6
"""Columns of a dialog that its frame, its margin and its scrollbar take."""


class QuitDialog(ModalScreen[str]):
    """How to leave a run that goes on: `detach`, `stop`, `stop_after_epoch` or nothing."""

    BINDINGS = [
        Binding("d,enter", "dismiss('detach')"),
        Binding("s,ctrl+c", "dismiss('stop')"),
        Binding("e", "dismiss('stop_after_epoch')"),
        Binding("escape,q", "dismiss('')"),
    ]

    def __init__(self, catalogue: Catalogue, view: RunView, taken: Container[Command], *, foreign: bool) -> None:
        """`taken` is what the run can be asked for.

        `foreign` for a training that is somebody's own: what it does when asked to stop is its business.
        """
        super().__init__()
        self._catalogue = catalogue
        self._shown = self._asked(view, ended=False)
        self._question = Static(self._shown)
        stop = "ui_quit_s_foreign" if foreign else "ui_quit_s"
        lines = [("d", "ui_quit_d", None), ("s", stop, Command.STOP), ("e", "ui_quit_e", Command.STOP_AFTER_EPOCH)]
        self._key_list = [
            (key, catalogue.text(text)) for key, text, asks in lines if asks is None or asks in taken
        ] + [("esc", catalogue.text("ui_quit_esc"))]

    def compose(self) -> ComposeResult:
        """A question and its keys."""
        yield Vertical(self._question, _keys(self._key_list, self.app.size.width))

    def sync(self, view: RunView, *, ended: bool) -> None:
        """The run went on, or has ended, while the person thinks about it."""
        asked = self._asked(view, ended=ended)
        if asked != self._shown:  # as an update lays out anew
            self._shown = asked
            self._question.update(asked)

    def _asked(self, view: RunView, *, ended: bool) -> Text:
        epochs = shown_total(view.started.epochs if view.started is not None else 0)
        text = self._catalogue.text("ui_quit_question", epoch=view.epoch, epochs=epochs)
        return Text((self._catalogue.text("ui_has_ended") if ended else text) + "\n", "bold")


class HelpScreen(ModalScreen[None]):
    """All keys."""

    BINDINGS = [Binding("escape,q,question_mark,f1,enter,ctrl+c", "dismiss(None)")]

    def __init__(self, catalogue: Catalogue, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._key_list = keys

    def compose(self) -> ComposeResult:
        """A table."""
        hint = self._catalogue.text("ui_help_filter")
        below = Static(Text("\n" + hint, "dim"))
        below.styles.width = _fitting(cell_len(hint), self.app.size.width)
        yield VerticalScroll(
            Static(Text(self._catalogue.text("ui_help_title") + "\n", "bold")),
            _keys(self._key_list, self.app.size.width),
            below,
        )


class Prompt(ModalScreen[str | None]):
    """One line to type at the bottom; None when given up."""

    BINDINGS = [Binding("escape,ctrl+c", "dismiss(None)")]

    def __init__(self, label: str, text: str) -> None:
        super().__init__()
        self._label = label
        self._text = text

    def compose(self) -> ComposeResult:
        """The line."""
        yield Vertical(Input(self._text, placeholder=self._label, select_on_focus=True))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        self.dismiss(event.value)


def _keys(keys: Sequence[tuple[str, str]], room: int) -> Static:
    """Keys and what they do, in two columns; where there is no room for it, the second one takes more lines."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for key, meaning in keys:
        table.add_row(key, meaning)
    lines = Static(table)
    wanted = max(cell_len(key) for key, _ in keys) + 2 + max(cell_len(meaning) for _, meaning in keys)
    lines.styles.width = _fitting(wanted, room)
    return lines


def _fitting(wanted: int, room: int) -> int:
    """The columns of a text that would take so many, on a screen that has so many."""
    return max(1, min(wanted, room - AROUND))
