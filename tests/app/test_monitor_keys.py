"""What the keys of the monitor do."""

import pytest
from everybatch.app.actions import INTERVALS
from everybatch.app.keys import help_lines
from everybatch.log import en, zh
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.records import Notice, RunEnded
from everybatch.widgets.row_text import row_line

from .. import replay
from .driver import drive, screen, until


def test_the_interval_of_the_run_is_shown_and_rules_which_lines_there_are(watched):
    run = watched(100)

    async def script(monitor, pilot):
        assert "every 1 " in "".join(screen(monitor))
        run.add(Notice("interval_changed", "info", {"interval": 10}, at=1.0))
        run.add(*list(replay.records(300, epochs=10, start=1.0))[-150:])
        monitor.frame()
        await pilot.pause()
        text = "\n".join(screen(monitor))
        assert "every 10 " in text
        assert "(110/171)" in text
        assert "(111/171)" not in text

    drive(run.monitor(), script)


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("p", ("pause", 0)),
        ("s", ("save", 0)),
        ("d", ("stacks", 0)),
        ("plus", ("interval", 2)),
        ("minus", ("interval", 1)),
    ],
)
def test_keys_that_ask_the_run(watched, key, asked):
    run = watched()

    async def script(monitor, pilot):
        await pilot.press(key)
        await until(lambda: run.asked)

    drive(run.monitor(), script)
    assert run.asked == [asked]


def test_a_paused_run_is_shown_and_resumed(watched):
    run = watched(extra=[Notice("pause_taken", "info", {"epoch": 3, "batch": 38}, at=1.0)])

    async def script(monitor, pilot):
        assert screen(monitor)[0].startswith(" PAUSED ")
        await pilot.press("p")
        await until(lambda: run.asked)

    drive(run.monitor(), script)
    assert run.asked == [("resume", 0)]


@pytest.mark.parametrize(
    ("key", "asked", "exits"),
    [
        ("d", [], True),
        ("s", [("stop", 0)], False),
        ("e", [("stop_after_epoch", 0)], False),
        ("escape", [], False),
        ("ctrl+c", [("stop", 0)], False),
    ],
)
@pytest.mark.parametrize("opener", ["q", "ctrl+c"])
def test_leaving_a_run_that_goes_on_asks_how(watched, opener, key, asked, exits):
    run = watched()
    monitor = run.monitor()

    async def script(monitor, pilot):
        await pilot.press(opener)
        await pilot.pause()
        assert len(monitor.screen_stack) == 2
        await pilot.press(key)
        await pilot.pause()
        if asked:
            await until(lambda: run.asked)

    drive(monitor, script)
    assert run.asked == asked
    assert (monitor.return_value == 0) is exits


def test_leaving_a_run_that_ended_is_not_asked(watched):
    run = watched(state="finished", extra=[RunEnded("finished", "", 3, 2, 0.1, 99.0, 1.0)])
    monitor = run.monitor()

    async def script(monitor, pilot):
        assert screen(monitor)[0].startswith(" FINISHED ")
        await pilot.press("p")
        await pilot.press("q")
        await pilot.pause()

    drive(monitor, script)
    assert monitor.return_value == 0
    assert run.asked == []


def test_ctrl_q_leaves_without_a_question(watched):
    monitor = watched().monitor()
    drive(monitor, lambda _, pilot: pilot.press("ctrl+q"))
    assert monitor.return_value == 0


def test_following_and_holding(watched):
    run = watched(300)

    async def script(monitor, pilot):
        pane = monitor.log_pane
        last = pane.count
        assert pane.follow
        await pilot.press("up")
        assert not pane.follow
        line = screen(monitor)[15][:88]
        run.add(*list(replay.records(400, epochs=10, start=1.0))[-100:])
        monitor.frame()
        await pilot.pause()
        assert pane.count > last
        assert screen(monitor)[15][:88] == line  # what is read stays in its place
        assert "HELD" in "".join(screen(monitor))
        await pilot.press("space")
        monitor.frame()
        assert pane.follow
        assert pane.new == 0

    drive(run.monitor(), script)


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        (("g",), True),
        (("home",), True),
        (("g", "G"), False),
        (("home", "end"), False),
        (("pageup", "pagedown"), False),
        (("k", "j"), False),
        (("ctrl+u", "ctrl+d"), False),
    ],
)
def test_moving(watched, keys, first):
    async def script(monitor, pilot):
        await pilot.press(*keys)
        assert monitor.log_pane.follow is not first
        assert (monitor.log_pane._top == 0) is first

    drive(watched(400).monitor(), script)


def test_the_wheel_scrolls(watched):
    async def script(monitor, pilot):
        from textual import events

        pane = monitor.log_pane
        before = pane._top
        pane.on_mouse_scroll_up(events.MouseScrollUp(pane, 5, 5, 0, -1, 0, False, False, False))
        assert pane._top == before - 3

    drive(watched(400).monitor(), script)


def test_search_finds_the_next_and_the_previous_over_the_whole_run(watched):
    run = watched(1500)

    async def script(monitor, pilot):
        pane = monitor.log_pane
        await pilot.press("slash", *"(100/171)", "enter")  # from the end it goes on at the start
        await pilot.pause()
        await until(lambda: pane.sync(0.1) or not pane.busy)
        first = pane.match
        assert "(100/171)" in pane.marked_line()
        await pilot.press("n")
        await until(lambda: pane.sync(0.1) or not pane.busy)
        assert "[2/10]" in pane.marked_line()
        await pilot.press("N")
        await until(lambda: pane.sync(0.1) or not pane.busy)
        assert pane.match == first
        await pilot.press("escape")
        assert pane.match is None

    drive(run.monitor(), script)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("loss>0.5", "Batch Loss"), ("level>=warn", "Warning"), ("batch=7", "(7/171)"), ("SAVED", "saved")],
)
def test_filters(watched, text, expected):
    nan = Notice("nonfinite", "warning", {"epoch": 3, "batch": 7, "value": "nan", "ranks": "1"}, 3, 7, 1.0)
    run = watched(600, extra=[nan])

    async def script(monitor, pilot):
        pane = monitor.log_pane
        whole = pane.count
        await pilot.press("f", *text, "enter")
        await pilot.pause()
        while pane.busy:
            pane.sync(0.1)
        assert 0 < pane.count < whole
        lines = [pane._row(number) for number in pane._hits]
        assert all(expected in row_line(row, Catalogue("en"))[0] for row in lines)
        await pilot.press("escape")
        assert pane.count == whole

    drive(run.monitor(), script)


def test_zoom_and_panels(watched):
    async def script(monitor, pilot):
        full = monitor.log_pane.size.height
        await pilot.press("z")
        await pilot.pause()
        assert monitor.log_pane.size.height > full
        await pilot.press("escape")
        await pilot.press("tab")
        await pilot.pause()
        assert monitor.plot.size.height > 30
        await pilot.press("escape", "1")
        await pilot.pause()
        assert not monitor.plot.display
        await pilot.press("1", "2", "3", "4")
        await pilot.pause()
        assert monitor.plot.display
        assert not monitor.query_one("#side").display

    drive(watched().monitor(), script)


def test_the_curve_changes_with_its_keys(watched):
    async def script(monitor, pilot):
        seen = ["\n".join(screen(monitor)[2:12])]
        for key in ("L", "e", "b", "b"):
            await pilot.press(key)
            monitor.frame()
            await pilot.pause()
            seen.append("\n".join(screen(monitor)[2:12]))
        assert len(set(seen)) == 5
        assert "log" in seen[1]
        assert "smoothed" in seen[2]
        assert seen[4].isascii() or all(ord(c) < 0x2800 for c in seen[4])

    drive(watched().monitor(), script)


def test_themes(watched):
    async def script(monitor, pilot):
        seen = [monitor.theme]
        for _ in range(3):
            await pilot.press("t")
            await pilot.pause()
            seen.append(monitor.theme)
        assert len(set(seen[1:])) == 3

    drive(watched().monitor(), script)


def test_copy_takes_the_marked_line(watched):
    async def script(monitor, pilot):
        await pilot.press("y")
        assert monitor.clipboard.startswith("Epoch [3/10] - progress")

    drive(watched().monitor(), script)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
def test_help_has_every_key(watched, key):
    async def script(monitor, pilot):
        await pilot.press(key)
        await pilot.pause()
        text = "\n".join(screen(monitor))
        for keys, meaning in help_lines():
            assert keys in text
            assert en.TEXTS[meaning] in text
        await pilot.press("escape")
        assert len(monitor.screen_stack) == 1

    drive(watched().monitor(), script)


def test_the_palette_has_what_keys_do(watched):
    run = watched()

    async def script(monitor, pilot):
        commands = {command.title: command for command in monitor.get_system_commands(monitor.screen)}
        shown = {key for keys, _ in help_lines() for key in keys.split()}
        assert {title.split()[0] for title in commands} <= shown
        assert len(commands) == 27
        await commands["s  " + zh.TEXTS["ui_key_save"]].callback()
        await until(lambda: run.asked)

    drive(run.monitor("zh"), script)
    assert run.asked == [("save", 0)]


def test_a_click_in_the_footer_does_what_the_key_does(watched):
    run = watched()

    async def script(monitor, pilot):
        line = screen(monitor)[-1]
        await pilot.click("#footer", offset=(line.index("Save"), 0))
        await until(lambda: run.asked)

    drive(run.monitor(), script)
    assert run.asked == [("save", 0)]


def test_a_request_that_is_refused_is_said(watched):
    run = watched()
    run.server.close()

    async def script(monitor, pilot):
        await pilot.press("s")
        await until(lambda: monitor._notifications)
        assert "not taken" in next(iter(monitor._notifications)).message

    drive(run.monitor(), script)


def test_the_intervals_are_the_designs():
    assert INTERVALS[:7] == [1, 2, 5, 10, 20, 50, 100]
