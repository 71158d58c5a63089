"""What the monitor draws."""

import re
import time

import pytest
from everybatch.log.texts import en
from everybatch.metrics.records import Notice, RankState, RunEnded, RunStarted, RunTold
from everybatch.metrics.system import GpuState, SystemState
from everybatch.widgets.panels import EpochsPanel, RanksPanel

from .. import replay
from .driver import drive, screen, until

BRAILLE = {chr(code) for code in range(0x2801, 0x2900)}
HOSTILE = "[/red] \x1b[31m\x1b]0;title\x07 {x} \r\n" + "A" * 10_000 + " 中文"


def test_a_log_without_new_rows_is_not_drawn_again(watched):
    run = watched(100)

    async def script(monitor, pilot):
        monitor.frame()
        assert not monitor.log_pane.sync(0.1)
        run.add(Notice("resume_taken", "info", {"epoch": 1, "batch": 1}, at=1_000_001.0))
        monitor.view.pull(1.0)
        assert monitor.log_pane.sync(0.1)
        assert not monitor.log_pane.sync(0.1)

    drive(run.monitor(), script)


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 10), (1, 1)])
def test_a_hostile_text_is_shown_as_it_is_and_harms_nothing(watched, size):
    failed = Notice("failed_raised", "error", {"rank": 1, "error": "E[/]", "message": HOSTILE}, at=1.0)
    run = watched(50, state="failed", extra=[failed, RunEnded("failed", HOSTILE, 0, 0, 0.0, 9.0, 1.0)])

    async def script(monitor, pilot):
        lines = screen(monitor)
        assert len(lines) == size[1]
        assert not any(c in line for line in lines for c in "\x1b\x07\r\n")
        if size[0] >= 80:
            assert any("[/red]" in line for line in lines)

    drive(run.monitor(), script, size)


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 5), (3, 20), (20, 3), (40, 10), (59, 11), (60, 12), (99, 17), (300, 100)]
)
def test_any_size_draws(watched, size):
    async def script(monitor, pilot):
        await pilot.resize_terminal(*size)
        monitor.frame()
        await pilot.pause()
        assert len(screen(monitor)) == size[1]
        await pilot.resize_terminal(100, 30)
        monitor.frame()
        await pilot.pause()
        assert any("Batch Loss" in line for line in screen(monitor))

    drive(watched().monitor(), script)


def test_the_curve_fits_a_new_size_without_waiting_for_the_next_batch(watched):
    async def script(monitor, pilot):
        monitor.frame()
        await pilot.pause()
        monitor.panels_drawn_at = time.monotonic() + 1000  # as if the machine were too busy for another frame
        await pilot.resize_terminal(100, 30)
        await until(lambda: any(set(line) & BRAILLE for line in screen(monitor)))

    drive(watched().monitor(), script)


def test_a_batch_that_comes_after_a_while_is_in_the_header_and_in_the_log_of_one_frame(watched):
    run = watched(500)

    async def script(monitor, pilot):
        monitor._live = True  # as when frames are drawn by a timer: the panels are not drawn with each of them
        monitor.panels_drawn_at = time.monotonic() + 1000
        monitor._log_drawn_at = time.monotonic() - 1
        run.add(*list(replay.records(505, epochs=10, start=1_000_000.0))[-5:])
        monitor.frame()
        await pilot.pause()
        shown = screen(monitor)
        newest = max(re.findall(r"\((\d+)/171\)", "\n".join(shown)), key=int)
        assert int(newest) == monitor.view.batch.batch == 162
        assert f" {100 * 163 / 171:.1f}%" in shown[1]

    drive(run.monitor(), script)


def test_the_question_how_to_leave_goes_on_with_the_run(watched):
    run = watched(500)

    async def script(monitor, pilot):
        await pilot.press("q")
        await until(lambda: len(monitor.screen_stack) == 2)
        assert "(epoch 3/10)" in "\n".join(screen(monitor))
        run.add(*replay.records(600, epochs=10, start=1_000_000.0))
        monitor.frame()
        await pilot.pause()
        assert "(epoch 4/10)" in "\n".join(screen(monitor))
        run.add(RunEnded("finished", "", 10, 4, 0.1, 99.0, 1.0))
        monitor.frame()
        await pilot.pause()
        assert en.TEXTS["ui_has_ended"] in "\n".join(screen(monitor))

    drive(run.monitor(), script)


def test_stragglers_and_gpus_and_what_is_not_known(watched):
    states = [RankState(rank, 20, 0.1, 0.1, 0.01, 0.02 + 0.05 * rank, 1e12) for rank in (0, 1)] * 30
    run = watched(extra=states)

    async def script(monitor, pilot):
        gpus = (GpuState(0, 97.0, 18 << 30, 80 << 30, 310.0, 61.0), GpuState(1, None, None, None, None, None))
        monitor.system = SystemState(41.0, 16, 42 << 30, 128 << 30, (1 << 30, 2 << 30), gpus)
        monitor.frame()
        await pilot.pause()
        ranks = monitor.query_one("#ranks", RanksPanel)
        assert "▲" in "".join(text for text, _ in ranks.body(2, 46))
        text = "\n".join(screen(monitor))
        assert "97% 18G 310W 61°" in text
        assert "-- -- -- --" in text

    drive(run.monitor(), script)


@pytest.mark.parametrize(
    ("size", "shown"), [((80, 24), "#0 ? #1 30 #2 ? ms"), ((140, 40), "  2  no batch heard of")]
)
def test_a_rank_that_was_told_of_and_tells_nothing_is_shown_as_such(watched, size, shown):
    run = watched(0)
    run.add(
        RunStarted("20261124_120000", 1, "train.py", 10, -1, "", "", 1, (), 1.0), RunTold(3, "cpu", 10, -1, (), ())
    )

    async def script(monitor, pilot):
        assert "no batch heard of" in "\n".join(screen(monitor)) or size[0] < 100
        run.add(RankState(1, 20, 0.1, 0.03, 0.01, 0.02, 1e12), RunTold(1, "cpu", 10, -1, (), ()))
        monitor.frame()
        await pilot.pause()
        monitor.frame()
        await pilot.pause()
        assert shown in "\n".join(screen(monitor))

    drive(run.monitor(), script, size)


def test_the_best_epoch_is_marked(watched):
    async def script(monitor, pilot):
        panel = monitor.query_one("#epochs", EpochsPanel)
        lines = ["".join(text for text, _ in panel.body(y, 46)) for y in range(panel.body_height)]
        assert any(line.endswith("★") for line in lines)
        assert "Average loss: " in "".join(lines)

    drive(watched(600).monitor(), script)
