"""What the keys of the monitor do."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable

from textual.app import App, SystemCommand
from textual.screen import Screen

from ..log.catalogue import Catalogue
from ..metrics.commands import Command
from ..metrics.run_view import RunView
from ..run.control_client import ask_run
from ..run.registry import RegisteredRun
from ..widgets.batch_log import BatchLog
from ..widgets.loss_plot import LossPlot
from ..widgets.status import StatusLine
from .dialogs import HelpScreen, Prompt, QuitDialog
from .filters import condition
from .keys import BINDINGS, help_lines, palette_entries

INTERVALS = [factor * 10**power for power in range(6) for factor in (1, 2, 5)]
THEMES = ("textual-dark", "textual-light", "ansi-dark")
SIDE_PANELS = ("ranks", "system", "values", "epochs")
ENDED = ("finished", "stopped", "failed", "lost")


class Actions(App[int]):
    """What each key does. `Monitor` adds how the run is drawn."""

    BINDINGS = BINDINGS

    def __init__(self, run: RegisteredRun, catalogue: Catalogue) -> None:
        """Read the journal of `run`."""
        super().__init__()
        self.registered_run = run
        self.view = RunView(run.folder.private / "journal")
        self.catalogue = catalogue
        self.panels_drawn_at = 0.0
        """When everything but the log was drawn last; 0 to have it drawn with the next frame."""
        self.interval_asked: int | None = None
        """The log interval that was asked for, until the run has taken it."""
        self._sought = ""

    @abstractmethod
    def frame(self) -> None:
        """Read what is new and draw what changed."""

    @property
    @abstractmethod
    def state(self) -> str:
        """The state of the run, as the catalogue names it."""

    @property
    def taken(self) -> tuple[Command, ...]:
        """What the run can be asked for at present."""
        run = self.registered_run
        return () if self.state in ENDED or run.elsewhere else tuple(filter(run.takes, Command))

    @property
    def log_pane(self) -> BatchLog:
        """The batch log."""
        return self.screen_stack[0].query_one("#log", BatchLog)

    @property
    def plot(self) -> LossPlot:
        """The loss plot."""
        return self.screen_stack[0].query_one("#plot", LossPlot)

    @property
    def state_line(self) -> StatusLine:
        """The first line."""
        return self.screen_stack[0].query_one("#status", StatusLine)

    # ---- keys: the log ------------------------------------------------------------------------------------

    def action_scroll(self, lines: int) -> None:
        """Move the log."""
        self.log_pane.move(lines)

    def action_page(self, pages: float) -> None:
        """Move the log by pages."""
        self.log_pane.page(pages)

    def action_first(self) -> None:
        """Go to the first line."""
        self.log_pane.home()

    def action_last(self) -> None:
        """Go to the end and follow."""
        self.log_pane.end()

    def action_follow(self) -> None:
        """Switch between following the newest line and holding still."""
        self.log_pane.toggle_follow()

    def action_search(self) -> None:
        """Ask for a text and find it."""

        def search(text: str | None) -> None:
            if text:
                self._sought = text
                self.log_pane.match = None
                self.action_again(1)

        self.push_screen(Prompt(self.catalogue.text("ui_search_label"), self._sought), search)

    def action_again(self, step: int) -> None:
        """Find the next or the previous one."""
        if self._sought:
            self.log_pane.search(condition(self._sought), step)

    def action_filter(self) -> None:
        """Ask for a filter; an empty one shows all."""

        def keep(text: str | None) -> None:
            if text is not None:
                self.log_pane.set_filter(text, condition(text) if text else None)

        self.push_screen(Prompt(self.catalogue.text("ui_filter_label"), self.log_pane.filter_text), keep)

    def action_undo(self) -> None:
        """Undo the newest of zoom, search and filter."""
        if self._zoomed():
            self._zoom("")
        elif self.log_pane.match is not None or self.log_pane.busy:
            self.log_pane.stop_search()
        elif self.log_pane.filter_text:
            self.log_pane.set_filter("", None)

    def action_copy(self) -> None:
        """Copy the marked line."""
        self.copy_to_clipboard(self.log_pane.marked_line())
        self.notify(self.catalogue.text("ui_copied"), timeout=2)

    # ---- keys: what is shown ------------------------------------------------------------------------------

    def _zoomed(self) -> str:
        return next((name for name in ("plot", "log", "side") if self.screen.has_class(f"zoom-{name}")), "")

    def _zoom(self, name: str) -> None:
        for other in ("plot", "log", "side"):
            self.screen.set_class(other == name, f"zoom-{other}")
        self.panels_drawn_at = 0.0

    def action_zoom(self) -> None:
        """Make the log fill the screen, or show all."""
        self._zoom("" if self._zoomed() else "log")

    def action_next_zoom(self) -> None:
        """Zoom in turn: everything, the plot, the log, the side panels."""
        if len(self.screen_stack) > 1:  # a dialog
            return
        order = ["", "plot", "log", "side"]
        self._zoom(order[(order.index(self._zoomed()) + 1) % len(order)])

    def action_panel(self, name: str) -> None:
        """Show or hide a panel."""
        self.screen.query_one(f"#{name}").toggle_class("hidden")
        self.fit_side()
        self.panels_drawn_at = 0.0

    def fit_side(self) -> None:
        """The side takes room while one of its panels is to be seen."""
        base = self.screen_stack[0]
        panels = [base.query_one(f"#{panel}") for panel in SIDE_PANELS]
        nothing = all(panel.has_class("hidden") or panel.has_class("empty") for panel in panels)
        base.query_one("#side").set_class(nothing, "hidden")

    def action_next_value(self, step: int) -> None:
        """Draw the next of the loss and the named values, or the one before."""
        self.plot.next_value(step)
        self.panels_drawn_at = 0.0

    def action_log_scale(self) -> None:
        """Logarithmic axis."""
        self.plot.log_scale = not self.plot.log_scale
        self.panels_drawn_at = 0.0

    def action_smoothing(self) -> None:
        """Moving average."""
        self.plot.smoothing = not self.plot.smoothing
        self.panels_drawn_at = 0.0

    def action_symbols(self) -> None:
        """Other characters."""
        self.plot.next_symbols()
        self.panels_drawn_at = 0.0

    def action_theme(self) -> None:
        """The next theme."""
        place = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(place + 1) % len(THEMES)]

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(HelpScreen(self.catalogue, self._key_list()))

    # ---- keys: the run ------------------------------------------------------------------------------------

    def action_interval(self, step: int) -> None:
        """A longer or shorter log interval, for every watcher."""
        now = self.interval_asked or self.view.interval
        place = min(range(len(INTERVALS)), key=lambda i: abs(INTERVALS[i] - now))
        self.interval_asked = INTERVALS[max(0, min(len(INTERVALS) - 1, place + step))]
        self._ask(Command.INTERVAL, self.interval_asked)

    def action_pause(self) -> None:
        """Pause training, or go on."""
        self.frame()  # so that the state which it toggles is the present one
        self._ask(Command.RESUME if self.view.paused else Command.PAUSE)

    def action_save(self) -> None:
        """Save a checkpoint now."""
        self._ask(Command.SAVE)

    def action_stacks(self) -> None:
        """Write the stacks of all ranks to their logs."""
        self._ask(Command.STACKS)

    def _ask(self, command: Command, value: int = 0) -> None:
        """Ask in a thread: a run that hangs must not hang the monitor."""
        if self.state in ENDED:
            self.notify(self.catalogue.text("ui_has_ended"), severity="warning", timeout=3)
            return
        run = self.registered_run
        if run.elsewhere:  # its socket is there
            text = self.catalogue.text("run_elsewhere", run=run.run_id, host=run.host)
            self.notify(text, severity="warning", timeout=5, markup=False)
            return

        def ask() -> None:
            reply = ask_run(run, command, value)
            if not reply.taken:
                text = self.catalogue.text("not_taken", reason=reply.reason)
                self.call_from_thread(self.notify, text, severity="error", markup=False)

        threading.Thread(target=ask, name="ask", daemon=True).start()

    # ---- leaving ------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Leave at once when the run has ended, else ask how."""
        self.frame()
        if self.state in ENDED:
            self.exit(0)
            return

        def leave(how: str | None) -> None:
            if how == "detach":
                self.exit(0)
            elif how:
                self._ask(Command(how))

        foreign = bool(self.registered_run.foreign)
        self.push_screen(QuitDialog(self.catalogue, self.view, self.taken, foreign=foreign), leave)

    def action_exit_now(self) -> None:
        """Leave without a question; the run goes on."""
        self.exit(0)

    # ---- help and palette ---------------------------------------------------------------------------------

    def _key_list(self) -> list[tuple[str, str]]:
        return [
            (keys, self.catalogue.text(text)) for keys, text in help_lines(self.taken, ended=self.state in ENDED)
        ]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key is in the palette too."""
        for key, text, action in palette_entries(self.taken, ended=self.state in ENDED):
            title = f"{key}  {self.catalogue.text(text)}"
            yield SystemCommand(title, action, lambda action=action: self.run_palette(action))

    async def run_palette(self, action: str) -> None:
        """Do what a key would do."""
        await self.run_action(action)
