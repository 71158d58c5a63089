"""The monitor: watches one run through its journal, and asks it for things through its control socket.

It holds no state of the training and may die at any time.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from textual.actions import ActionParseResult
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from ..log.catalogue import Catalogue
from ..metrics.run_view import RunView
from ..metrics.system import SystemState, SystemWatch
from ..run.registry import RegisteredRun, read_run
from ..widgets.batch_log import BatchLog
from ..widgets.compact import CompactSummary
from ..widgets.curve import Symbols
from ..widgets.footer import Footer
from ..widgets.lines import Panel
from ..widgets.loss_plot import LossPlot
from ..widgets.panels import EpochsPanel, RanksPanel, SystemPanel
from ..widgets.status import ProgressLine, StatusLine
from ..widgets.values_panel import MOST_LINES, ValuesPanel
from .actions import ENDED, Actions
from .dialogs import DIALOG_CSS, QuitDialog
from .frame_rate import FrameRate
from .keys import footer_keys
from .layout import CSS, HEIGHTS, WIDTHS
from .terminal_signals import on_continue, on_end

PULL_SECONDS = 0.02
"""How long a frame may read the journal. A long journal is loaded over many frames."""
SCAN_SECONDS = 0.015
PANELS_SECONDS = 1.0
"""Between two frames that draw all panels, while the log changes often."""
RARE_SECONDS = 0.5
"""A log that did not change for so long is drawn together with the panels, so that both tell the same."""
SYSTEM_SECONDS = 2.0
LOADING = 0.02
LOADING_PAUSE = 0.005
"""While more than this part of the journal is unread, the monitor reads on almost without a pause."""
HURRY_SECONDS = 1.5
HURRY_PAUSE = 0.1
"""For `HURRY_SECONDS` after a key, a frame is drawn at least every `HURRY_PAUSE` seconds."""


class Monitor(Actions):
    """Shows one run."""

    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    CSS = CSS + DIALOG_CSS

    def __init__(self, run: RegisteredRun, catalogue: Catalogue, *, live: bool = True) -> None:
        """Watch `run`; without `live` nothing happens by itself, and `frame` draws (for tests)."""
        super().__init__(run, catalogue)
        self.system: SystemState | None = None
        self.ending_signal: int | None = None
        self._live = live
        self._frame_rate = FrameRate()
        self._state = "starting"
        self._missing = False
        """run.json was not there at the last look."""
        self._hurry_until = 0.0
        self._log_drawn_at = 0.0
        self._used = time.process_time()
        self._next_tick: Timer | None = None
        self._terminated = threading.Event()

    # ---- life ---------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """All panels."""
        catalogue = self.catalogue
        yield StatusLine(catalogue, id="status")
        yield ProgressLine(catalogue, id="progress")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield LossPlot(catalogue, symbols=_symbols(), id="plot")
                yield BatchLog(catalogue, id="log")
            with Vertical(id="side"):
                yield RanksPanel(catalogue, id="ranks")
                yield SystemPanel(catalogue, id="system")
                yield ValuesPanel(catalogue, id="values")
                yield EpochsPanel(catalogue, id="epochs")
        yield CompactSummary(id="compact")
        yield Footer(catalogue, id="footer")

    def on_mount(self) -> None:
        """Start to watch."""
        self.log_pane.show(self.view.rows)
        self.log_pane.focus()
        if not self._live:
            return
        on_end(self._end_by_signal)
        on_continue(lambda: self.call_later(self.refresh, layout=True))
        threading.Thread(target=self._watch_system, name="system", daemon=True).start()
        self._next_tick = self.set_timer(0.01, self._tick)

    def _end_by_signal(self, number: signal.Signals) -> None:
        self.ending_signal = number
        self.exit(return_code=128 + number)

    def on_unmount(self) -> None:
        """Stop watching."""
        self._terminated.set()
        self.view.close()

    def _watch_system(self) -> None:
        watch = SystemWatch()
        pause = 0.2  # the first sample soon, the others seldom
        while not self._terminated.wait(pause):
            pause = SYSTEM_SECONDS
            self.look_at_run()
            self.system = self._sample(watch)

    def _sample(self, watch: SystemWatch) -> SystemState | None:
        """The state of this machine; None for a run on another one. Only a process that lives has its number."""
        run = self.registered_run
        if run.elsewhere:
            return None
        pids = run.content.get("rank_pids")
        return watch.sample(pids if isinstance(pids, list) and self._state not in ENDED else ())

    def look_at_run(self) -> None:
        """Read run.json, and find out in which state the run is."""
        run = read_run(self.registered_run.folder.private)
        self.registered_run = run or self.registered_run
        if run is not None or self._missing:  # a run puts a file that was removed back within a second
            self._state = self.registered_run.state
        self._missing = run is None

    # ---- frames -------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._terminated.is_set():
            return
        used = time.process_time()
        pause = self._frame_rate.pause(used - self._used)  # the cost of the frame before, the compositor included
        self._used = used
        self.frame()
        if self.state_line.unread > LOADING:
            pause = LOADING_PAUSE
        elif time.monotonic() < self._hurry_until:
            pause = min(pause, HURRY_PAUSE)
        self._next_tick = self.set_timer(pause, self._tick)

    async def run_action(self, action: str | ActionParseResult, *namespaces: Any, **options: Any) -> bool:
        """A key was pressed: draw at once, and often for a while, to show what comes of it."""
        done = await super().run_action(action, *namespaces, **options)  # versions differ in what follows
        self._hurry_until = time.monotonic() + HURRY_SECONDS
        self.panels_drawn_at = 0.0
        if self._next_tick is not None:
            self._next_tick.stop()
            self._next_tick = self.set_timer(0.001, self._tick)
        return done

    def frame(self) -> None:
        """Read what is new and draw what changed."""
        new = self.view.pull(PULL_SECONDS)
        if self.view.outdated:
            self._view_anew()
        view, now = self.view, time.monotonic()
        self.state_line.unread = view.behind if new else 0.0
        if self.log_pane.interval != view.interval:
            self.log_pane.interval = view.interval
            self.interval_asked = None  # what was asked for has come, or another watcher asked
            self.log_pane.redraw()
        rare = False
        if self.log_pane.sync(SCAN_SECONDS):
            self.log_pane.redraw()
            rare, self._log_drawn_at = now - self._log_drawn_at >= RARE_SECONDS, now
        # A frame paints the rectangle around all that changed, so the rest changes together, and seldom.
        due = rare or now - self.panels_drawn_at >= PANELS_SECONDS or self.state_line.state != self.state
        if due or not self._live:
            self.panels_drawn_at = now
            self._sync_panels()

    def _view_anew(self) -> None:
        """Somebody wrote another journal over the one that was read."""
        try:
            view = RunView(self.registered_run.folder.journal)
        except OSError:  # the run makes it anew within a second, if it still lives
            return
        self.view.close()
        self.view = view
        self.log_pane.show(view.rows)

    def _sync_panels(self) -> None:
        view, base = self.view, self.screen_stack[0]
        ranks, system = base.query_one("#ranks", RanksPanel), base.query_one("#system", SystemPanel)
        epochs, values = base.query_one("#epochs", EpochsPanel), base.query_one("#values", ValuesPanel)
        values.set_class(not view.values.by_name, "empty")
        self.fit_side()
        _set_height(ranks, 3 + max(1, min(16, len(view.rank_numbers))))
        _set_height(system, SystemPanel.lines_of(self.system) + 2)
        most = self.size.height // 2 if self._zoomed() == "side" else MOST_LINES
        _set_height(values, 3 + min(most, len(view.values.by_name)))
        base.query_one("#footer", Footer).sync(footer_keys(self.taken, ended=self.state in ENDED))
        self.state_line.state = self.state
        view.lost = self.state == "lost"
        self.state_line.cost = 100 * self._frame_rate.cost
        self.state_line.sync(view)
        base.query_one("#progress", ProgressLine).sync(view)
        self.plot.sync(view)
        ranks.sync(view)
        system.sync(self.system)
        values.sync(view, self.plot.value)
        epochs.sync(view)
        if isinstance(self.screen, QuitDialog):
            self.screen.sync(view, ended=self.state in ENDED)
        lines = [ranks.summary() + system.summary(), epochs.summary() + values.summary()]
        base.query_one("#compact", CompactSummary).sync(lines, view, self.catalogue)

    @property
    def state(self) -> str:
        """The state of the run, as the catalogue names it."""
        view = self.view
        if view.ended is not None:
            return view.ended.state
        if self._state in (*ENDED, "silent"):
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


def _set_height(panel: Panel, height: int) -> None:
    """Lay out only when the number of lines has changed."""
    if panel.styles.height is None or panel.styles.height.value != height:
        panel.styles.height = height


def _symbols() -> Symbols:
    """Braille, unless the terminal is known to lack it."""
    return "ascii" if os.environ.get("TERM") == "linux" else "braille"
