"""The monitor: watches one run through its journal, and asks it for things through its control socket.

It holds no state of the training and may die at any time.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping

from textual.actions import ActionParseResult
from textual.app import App, ComposeResult, SystemCommand
from textual.containers import Horizontal, Vertical
from textual.dom import DOMNode
from textual.screen import Screen
from textual.timer import Timer

from ..engine.control_client import ask_run
from ..engine.known_runs import KnownRun, read_run
from ..engine.protocol import Asked
from ..log.words import Words
from ..metrics.run_view import RunView
from ..metrics.system import SystemState, SystemWatch
from ..widgets.batch_log import BatchLog
from ..widgets.curve import Symbols
from ..widgets.footer import Footer
from ..widgets.lines import Panel
from ..widgets.loss_plot import LossPlot
from ..widgets.narrow import NarrowSummary
from ..widgets.panels import EpochsPanel, RanksPanel, SystemPanel
from ..widgets.status import ProgressLine, StatusLine
from .dialogs import DIALOG_CSS, HelpScreen, Prompt, QuitDialog
from .filters import condition
from .governor import Governor
from .keys import BINDINGS, KEYS, PALETTE
from .layout import CSS, HEIGHTS, WIDTHS

PULL_SECONDS = 0.02
"""Of a frame, for reading the journal; a long one is loaded over many frames."""
SCAN_SECONDS = 0.015
PANELS_SECONDS = 1.0
SYSTEM_SECONDS = 2.0
LOADING = 0.02
LOADING_PAUSE = 0.005
"""While more than so much of the journal is unread, the monitor reads on almost without a pause."""
HURRY_SECONDS = 1.5
HURRY_PAUSE = 0.1
"""After a key, frames are drawn so often for so long."""
INTERVALS = [factor * 10**power for power in range(6) for factor in (1, 2, 5)]
THEMES = ("textual-dark", "textual-light", "ansi-dark")
ENDED = ("finished", "stopped", "failed", "lost")


class Monitor(App[int]):
    """Shows one run."""

    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    CSS = CSS + DIALOG_CSS
    BINDINGS = BINDINGS

    def __init__(self, run: KnownRun, words: Words, *, live: bool = True) -> None:
        """Watch `run`; without `live` nothing happens by itself, and `frame` draws (for tests)."""
        super().__init__()
        self.run_known = run
        self.view = RunView(run.folder.private / "journal")
        self.words = words
        self.system: SystemState | None = None
        self.ending_signal: int | None = None
        self._live = live
        self._governor = Governor()
        self._sought = ""
        self._panels_at = 0.0
        self._state = "starting"
        self._interval: int | None = None
        self._hurry_until = 0.0
        self._used = time.process_time()
        self._next_tick: Timer | None = None
        self._terminated = threading.Event()

    # ---- life ---------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """All panels."""
        words = self.words
        yield StatusLine(words, id="status")
        yield ProgressLine(words, id="progress")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield LossPlot(words, symbols=_symbols(), id="plot")
                yield BatchLog(words, id="log")
            with Vertical(id="side"):
                yield RanksPanel(words, id="ranks")
                yield SystemPanel(words, id="system")
                yield EpochsPanel(words, id="epochs")
        yield NarrowSummary(id="narrow")
        yield Footer(words, id="footer")

    def on_mount(self) -> None:
        """Start to watch."""
        self.log_pane.show(self.view.rows)
        self.log_pane.focus()
        if not self._live:
            return
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._loop_handler(number)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))  # Ctrl-Z left an empty screen
        threading.Thread(target=self._watch_system, name="system", daemon=True).start()
        self._next_tick = self.set_timer(0.01, self._tick)

    def _loop_handler(self, number: signal.Signals) -> None:
        import asyncio

        def end() -> None:
            self.ending_signal = number
            self.exit(return_code=128 + number)

        asyncio.get_running_loop().add_signal_handler(number, end)

    def on_unmount(self) -> None:
        """Stop watching."""
        self._terminated.set()
        self.view.close()

    def _watch_system(self) -> None:
        watch = SystemWatch()
        pause = 0.2  # the first sample soon, the others seldom
        while not self._terminated.wait(pause):
            pause = SYSTEM_SECONDS
            self.run_known = read_run(self.run_known.folder.private) or self.run_known
            self.system = watch.sample(self.run_known.content.get("rank_pids") or ())
            self._state = self.run_known.state

    # ---- frames -------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._terminated.is_set():
            return
        used = time.process_time()
        pause = self._governor.pause(used - self._used)  # the frame before, with all that the compositor did for it
        self._used = used
        self.frame()
        if self.state_line.unread > LOADING:
            pause = LOADING_PAUSE
        elif time.monotonic() < self._hurry_until:
            pause = min(pause, HURRY_PAUSE)
        self._next_tick = self.set_timer(pause, self._tick)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """A key was pressed: draw at once, and often for a while, to show what comes of it."""
        done = await super().run_action(action, default_namespace, namespaces)
        self._hurry_until = time.monotonic() + HURRY_SECONDS
        self._panels_at = 0.0
        if self._next_tick is not None:
            self._next_tick.stop()
            self._next_tick = self.set_timer(0.001, self._tick)
        return done

    def frame(self) -> None:
        """Read what is new and draw what changed."""
        new = self.view.pull(PULL_SECONDS)
        view, now = self.view, time.monotonic()
        self.state_line.unread = view.behind if new else 0.0
        if self.log_pane.interval != view.interval:
            self.log_pane.interval = view.interval
            self._interval = None  # what was asked for has come, or another watcher asked
            self.log_pane.redraw()
        if self.log_pane.sync(SCAN_SECONDS):
            self.log_pane.redraw()
        # A frame paints the rectangle around all that changed, so the rest changes together, and seldom.
        if now - self._panels_at >= PANELS_SECONDS or self.state_line.state != self.state or not self._live:
            self._panels_at = now
            self._sync_panels()

    def _sync_panels(self) -> None:
        view, base = self.view, self.screen_stack[0]
        ranks, system = base.query_one("#ranks", RanksPanel), base.query_one("#system", SystemPanel)
        epochs = base.query_one("#epochs", EpochsPanel)
        _set_height(ranks, 3 + max(1, min(16, len(view.ranks))))
        _set_height(system, SystemPanel.lines_of(self.system) + 2)
        self.state_line.state = self.state
        self.state_line.cost = 100 * self._governor.cost
        self.state_line.sync(view)
        base.query_one("#progress", ProgressLine).sync(view)
        self.plot.sync(view)
        ranks.sync(view)
        system.sync(self.system)
        epochs.sync(view)
        lines = [ranks.summary() + system.summary(), epochs.summary()]
        base.query_one("#narrow", NarrowSummary).sync(lines, view, self.words)

    @property
    def state(self) -> str:
        """In which state the run is, as a key of the catalogue."""
        view = self.view
        if view.ended is not None:
            return view.ended.state
        if self._state in ENDED:
            return self._state
        if view.restarting:
            return "restarting"
        if view.paused:
            return "paused"
        if view.stopping:
            return "stopping"
        if view.validating:
            return "validating"
        return "running" if view.batch is not None else "starting"

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
        """Follow, or hold still."""
        self.log_pane.toggle_follow()

    def action_search(self) -> None:
        """Ask for a text and find it."""

        def search(text: str | None) -> None:
            if text:
                self._sought = text
                self.log_pane.match = None
                self.action_again(1)

        self.push_screen(Prompt(self.words.say("ui_search_label"), self._sought), search)

    def action_again(self, step: int) -> None:
        """Find the next or the previous one."""
        if self._sought:
            self.log_pane.search(condition(self._sought), step)

    def action_filter(self) -> None:
        """Ask for a filter; an empty one shows all."""

        def keep(text: str | None) -> None:
            if text is not None:
                self.log_pane.set_filter(text, condition(text) if text else None)

        self.push_screen(Prompt(self.words.say("ui_filter_label"), self.log_pane.filter_text), keep)

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
        self.notify(self.words.say("ui_copied"), timeout=2)

    # ---- keys: what is shown ------------------------------------------------------------------------------

    def _zoomed(self) -> str:
        return next((name for name in ("plot", "log", "side") if self.screen.has_class(f"zoom-{name}")), "")

    def _zoom(self, name: str) -> None:
        for other in ("plot", "log", "side"):
            self.screen.set_class(other == name, f"zoom-{other}")
        self._panels_at = 0.0

    def action_zoom(self) -> None:
        """Make the log fill the screen, or show all."""
        self._zoom("" if self._zoomed() else "log")

    def action_next_zoom(self) -> None:
        """All, plot, log, side."""
        if len(self.screen_stack) > 1:  # a dialog
            return
        order = ["", "plot", "log", "side"]
        self._zoom(order[(order.index(self._zoomed()) + 1) % len(order)])

    def action_panel(self, name: str) -> None:
        """Show or hide a panel."""
        self.screen.query_one(f"#{name}").toggle_class("hidden")
        side = self.screen.query_one("#side")
        panels = [self.screen.query_one(f"#{panel}") for panel in ("ranks", "system", "epochs")]
        side.set_class(all(panel.has_class("hidden") for panel in panels), "hidden")
        self._panels_at = 0.0

    def action_log_scale(self) -> None:
        """Logarithmic axis."""
        self.plot.log_scale = not self.plot.log_scale
        self._panels_at = 0.0

    def action_smoothing(self) -> None:
        """Moving average."""
        self.plot.smoothing = not self.plot.smoothing
        self._panels_at = 0.0

    def action_symbols(self) -> None:
        """Other characters."""
        self.plot.next_symbols()
        self._panels_at = 0.0

    def action_theme(self) -> None:
        """The next theme."""
        place = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(place + 1) % len(THEMES)]

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(HelpScreen(self.words, self._key_list()))

    # ---- keys: the run ------------------------------------------------------------------------------------

    def action_interval(self, step: int) -> None:
        """A longer or shorter log interval, for every watcher."""
        now = self._interval or self.view.interval
        place = min(range(len(INTERVALS)), key=lambda i: abs(INTERVALS[i] - now))
        self._interval = INTERVALS[max(0, min(len(INTERVALS) - 1, place + step))]
        self._ask("interval", self._interval)

    def action_pause(self) -> None:
        """Pause training, or go on."""
        self.frame()  # what it toggles must be the present state
        self._ask("resume" if self.view.paused else "pause")

    def action_save(self) -> None:
        """Save a checkpoint now."""
        self._ask("save")

    def action_stacks(self) -> None:
        """Write the stacks of all ranks to their logs."""
        self._ask("stacks")

    def _ask(self, command: Asked, value: int = 0) -> None:
        """Ask in a thread: a run that hangs must not hang the monitor."""
        if self.state in ENDED:
            self.notify(self.words.say("ui_has_ended"), severity="warning", timeout=3)
            return

        def ask() -> None:
            reply = ask_run(self.run_known, command, value)
            if not reply.taken:
                text = self.words.say("not_taken", reason=reply.reason)
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
            elif how == "stop":
                self._ask("stop")
            elif how == "stop_after_epoch":
                self._ask("stop_after_epoch")

        epochs = self.view.started.epochs if self.view.started else 0
        self.push_screen(QuitDialog(self.words, self.view.epoch, epochs), leave)

    def action_exit_now(self) -> None:
        """Leave without a question; the run goes on."""
        self.exit(0)

    # ---- help and palette ---------------------------------------------------------------------------------

    def _key_list(self) -> list[tuple[str, str]]:
        return [(keys, self.words.say(f"ui_key_{name}")) for keys, name in KEYS]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key is in the palette too."""
        for key, name, action in PALETTE:
            title = f"{key}  {self.words.say(f'ui_key_{name}')}"
            yield SystemCommand(title, action, lambda action=action: self.run_palette(action))

    async def run_palette(self, action: str) -> None:
        """Do what a key would do."""
        await self.run_action(action)


def _set_height(panel: Panel, height: int) -> None:
    """Lay out only when the number of lines has changed."""
    if panel.styles.height is None or panel.styles.height.value != height:
        panel.styles.height = height


def _symbols() -> Symbols:
    """Braille, unless the terminal is known to lack it."""
    return "ascii" if os.environ.get("TERM") == "linux" else "braille"
