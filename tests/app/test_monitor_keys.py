"""What the keys of the monitor do."""

import re

import pytest
from everybatch.app.actions import INTERVALS
from everybatch.app.keys import help_lines
from everybatch.app.monitor import Monitor
from everybatch.log.catalogue import Catalogue
from everybatch.log.texts import en
from everybatch.metrics.records import BatchRecord, Notice, RunEnded
from textual import events

from .. import replay
from .driver import drive, finish, screen, search, until


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
        ("plus", ("interval", 20)),
        ("equals_sign", ("interval", 20)),
        ("minus", ("interval", 5)),
    ],
)
def test_keys_that_ask_the_run(watched, key, asked):
    run = watched(extra=[Notice("interval_changed", "info", {"interval": 10}, at=1.0)])

    async def script(monitor, pilot):
        await pilot.press(key)
        await until(lambda: run.asked)

    drive(run.monitor(), script)
    assert run.asked == [asked]


def test_an_interval_below_one_is_not_asked_for(watched):
    run = watched()

    async def script(monitor, pilot):
        await pilot.press("minus")
        await until(lambda: run.asked)

    drive(run.monitor(), script)
    assert run.asked == [("interval", 1)]


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
        ("enter", [], True),
        ("s", [("stop", 0)], False),
        ("e", [("stop_after_epoch", 0)], False),
        ("escape", [], False),
        ("q", [], False),
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
        await until(lambda: len(monitor.screen_stack) == 1)
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
        await pilot.press("space")
        run.add(*list(replay.records(420, epochs=10, start=1.0))[-20:])
        monitor.frame()
        assert not pane.follow
        assert pane.new > 0

    drive(run.monitor(), script)


def top(pane):
    """The number of the first line in view."""
    return pane.count - pane.body_height - pane.new


def page(pane):
    """A page leaves one line of the page before in view."""
    return pane.body_height - 1


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        ("up", lambda pane: 1),
        ("k", lambda pane: 1),
        ("pageup", page),
        ("ctrl+u", lambda pane: round(page(pane) / 2)),
        ("home", lambda pane: pane.count - pane.body_height),
        ("g", lambda pane: pane.count - pane.body_height),
    ],
)
def test_keys_that_move_up_from_the_end(watched, key, lines):
    async def script(monitor, pilot):
        pane = monitor.log_pane
        assert (pane.new, pane.follow) == (0, True)
        await pilot.press(key)
        assert (pane.new, pane.follow) == (lines(pane), False)
        assert lines(pane) > 0

    drive(watched(400).monitor(), script)


@pytest.mark.parametrize(
    ("key", "lines", "follows"),
    [
        ("down", lambda pane: 1, False),
        ("j", lambda pane: 1, False),
        ("pagedown", page, False),
        ("ctrl+d", lambda pane: round(page(pane) / 2), False),
        ("end", lambda pane: pane.count - pane.body_height, True),
        ("G", lambda pane: pane.count - pane.body_height, True),
    ],
)
def test_keys_that_move_down_from_the_start(watched, key, lines, follows):
    async def script(monitor, pilot):
        pane = monitor.log_pane
        pane.home()
        assert (top(pane), pane.follow) == (0, False)
        await pilot.press(key)
        assert (top(pane), pane.follow) == (lines(pane), follows)
        assert lines(pane) > 0

    drive(watched(400).monitor(), script)


def test_moving_stops_at_both_ends_and_follows_at_the_last(watched):
    async def script(monitor, pilot):
        pane = monitor.log_pane
        await pilot.press("down", "pagedown")
        assert (pane.new, pane.follow) == (0, True)
        await pilot.press("up", "down")
        assert pane.follow
        await pilot.press("g", "up", "pageup")
        assert (top(pane), pane.follow) == (0, False)

    drive(watched(400).monitor(), script)


def test_the_wheel_scrolls(watched):
    async def script(monitor, pilot):
        pane = monitor.log_pane
        at = {"x": 5, "y": 5, "delta_x": 0, "delta_y": 0, "button": 0, "shift": False, "meta": False, "ctrl": False}
        pane.post_message(events.MouseScrollUp(pane, **at))
        await pilot.pause()
        assert (pane.new, pane.follow) == (3, False)
        pane.post_message(events.MouseScrollDown(pane, **at))
        await pilot.pause()
        assert (pane.new, pane.follow) == (0, True)

    drive(watched(400).monitor(), script)


def test_search_finds_the_next_and_the_previous_over_the_whole_run(watched):
    run = watched(1500)

    async def script(monitor, pilot):
        pane = monitor.log_pane
        await search(monitor, pilot, "(100/171)")  # from the end it goes on at the start
        for key, epoch in ((None, 1), ("n", 2), ("n", 3), ("N", 2)):
            if key:
                await pilot.press(key)
            finish(pane)
            assert pane.marked_line().startswith(f"Epoch [{epoch}/10] - ")
            assert "(100/171)" in pane.marked_line()
        await pilot.press("escape")
        assert pane.match is None

    drive(run.monitor(), script)


@pytest.mark.parametrize("step", [1, -1])
def test_a_search_goes_through_the_rows_that_come_meanwhile_and_leaves_none_out(watched, step):
    run = watched(300)
    there = len(list(replay.records(300)))

    async def script(monitor, pilot):
        seen = set()

        def want(row, line):
            if not seen:
                run.add(*list(replay.records(900, epochs=10, start=1_000_000.0))[there:])
                while monitor.view.pull(1.0):
                    pass
            if "Batch Loss" in line:
                seen.add(line)
            return False

        monitor.log_pane.search(want, step)
        finish(monitor.log_pane)
        assert len(seen) == monitor.view.batch_count == 900

    drive(run.monitor(), script)


NAN = Notice("nonfinite", "warning", {"epoch": 3, "batch": 7, "value": "nan", "ranks": "1"}, 3, 7, 1.0)


def is_batch(record):
    return isinstance(record, BatchRecord)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("loss>0.5", lambda record: is_batch(record) and record.loss > 0.5),
        ("level>=warn", lambda record: record is NAN),
        ("batch=7", lambda record: is_batch(record) and record.batch == 7),
        ("SAVED", lambda record: isinstance(record, Notice) and record.kind == "saved_last"),
    ],
)
def test_a_filter_shows_the_lines_it_is_for_and_no_others(watched, text, wanted):
    run = watched(600, extra=[NAN])
    catalogue = Catalogue("en")
    expected = []
    for record in filter(wanted, [*replay.records(600, epochs=10, start=1_000_000.0), NAN]):
        expected.append(catalogue.batch(record, 10, 171) if is_batch(record) else catalogue.notice(record))
    assert expected

    async def script(monitor, pilot):
        pane = monitor.log_pane
        whole = pane.count
        await pilot.press("f", *text, "enter")
        await until(lambda: pane.filter_text == text)
        finish(pane)
        pane.home()
        shown = ["".join(piece for piece, _ in pane.body(y, 80)) for y in range(pane.count)]
        assert shown == expected
        await pilot.press("escape")
        assert pane.count == whole

    drive(run.monitor(), script)


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
@pytest.mark.parametrize("opener", ["slash", "f"])
def test_a_search_or_filter_that_is_given_up_changes_nothing(watched, opener, key):
    async def script(monitor, pilot):
        pane = monitor.log_pane
        whole = pane.count
        await pilot.press(opener)
        await until(lambda: len(monitor.screen_stack) == 2)
        await pilot.press(*"(100/171)", key)
        await until(lambda: len(monitor.screen_stack) == 1)
        assert (pane.match, pane.filter_text, pane.count, pane.follow) == (None, "", whole, True)

    drive(watched().monitor(), script)


@pytest.mark.parametrize("key", ["z", "f10"])
@pytest.mark.parametrize("back", ["z", "f10", "escape"])
def test_zoom_makes_the_log_fill_the_screen_and_back(watched, key, back):
    async def script(monitor, pilot):
        height = monitor.log_pane.size.height
        await pilot.press(key)
        await pilot.pause()
        assert monitor.log_pane.size.height > height + 5
        assert not monitor.plot.display
        await pilot.press(back)
        await pilot.pause()
        assert monitor.log_pane.size.height == height

    drive(watched().monitor(), script)


def test_tab_zooms_one_after_the_other(watched):
    async def script(monitor, pilot):
        parts = {name: monitor.query_one(f"#{name}") for name in ("plot", "log", "side")}
        shown = []
        for _ in range(4):
            await pilot.press("tab")
            await pilot.pause()
            shown.append([name for name, part in parts.items() if part.size.height and part.display])
        assert shown == [["plot"], ["log"], ["side"], ["plot", "log", "side"]]

    drive(watched().monitor(), script)


@pytest.mark.parametrize(("key", "panel"), [("1", "plot"), ("2", "ranks"), ("3", "system"), ("4", "epochs")])
def test_a_panel_is_hidden_and_shown_by_its_number(watched, key, panel):
    async def script(monitor, pilot):
        for shown in (False, True):
            await pilot.press(key)
            await pilot.pause()
            assert monitor.query_one(f"#{panel}").display is shown
            assert monitor.query_one("#side").display

    drive(watched().monitor(), script)


def test_the_side_goes_with_its_last_panel(watched):
    async def script(monitor, pilot):
        width = monitor.log_pane.size.width
        await pilot.press("2", "3", "4")
        await pilot.pause()
        assert not monitor.query_one("#side").display
        assert monitor.log_pane.size.width > width
        await pilot.press("3")
        await pilot.pause()
        assert monitor.query_one("#side").display

    drive(watched().monitor(), script)


def curve(monitor):
    """The loss plot as it stands on the screen."""
    x, y, width, height = monitor.plot.region
    return "\n".join(line[x : x + width] for line in screen(monitor)[y : y + height])


async def curve_after(monitor, pilot, key):
    """The loss plot once `key` has been pressed."""
    await pilot.press(key)
    monitor.frame()
    await pilot.pause()
    return curve(monitor)


@pytest.mark.parametrize(("key", "word"), [("L", "log"), ("e", "smoothed")])
def test_the_curve_changes_with_its_keys_and_back(watched, key, word):
    async def script(monitor, pilot):
        before = curve(monitor)
        changed = await curve_after(monitor, pilot, key)
        assert word not in before
        assert word in changed
        drawn = [re.sub(r"[^\u2801-\u28ff]", "", text) for text in (before, changed)]
        assert drawn[0] != drawn[1]  # the curve itself, not just its title
        assert await curve_after(monitor, pilot, key) == before

    drive(watched().monitor(), script)


def test_the_curve_is_drawn_with_other_symbols_by_b(watched):
    async def script(monitor, pilot):
        seen = [curve(monitor)]
        seen += [await curve_after(monitor, pilot, "b") for _ in range(3)]
        assert re.search("[\u2801-\u28ff]", seen[0])
        assert re.search("[▀▄█]", seen[1])
        assert not re.search("[\u2801-\u28ff▀▄█]", seen[2])
        assert seen[3] == seen[0]

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
        assert re.match(r"Epoch \[3/10\] - progress .* \(157/171\) - ", monitor.clipboard)  # the last one in view
        await search(monitor, pilot, "(100/171)")
        await pilot.press("y")
        assert re.match(r"Epoch \[1/10\] - progress .* \(100/171\) - ", monitor.clipboard)

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

    drive(watched().monitor(), script)


@pytest.mark.parametrize("key", ["escape", "q", "question_mark", "f1", "enter", "ctrl+c"])
def test_help_is_closed_by(watched, key):
    monitor = watched().monitor()

    async def script(monitor, pilot):
        await pilot.press("question_mark")
        await until(lambda: len(monitor.screen_stack) == 2)
        await pilot.press(key)
        await until(lambda: len(monitor.screen_stack) == 1)
        assert monitor.is_running

    drive(monitor, script)


def test_ctrl_z_suspends(watched, monkeypatch):
    """What that does to a terminal is in test_terminal.py; here is none that could be given back."""
    suspended = []
    monkeypatch.setattr(Monitor, "action_suspend_process", lambda monitor: suspended.append(monitor))
    monitor = watched().monitor()
    drive(monitor, lambda _, pilot: pilot.press("ctrl+z"))
    assert suspended == [monitor]


def test_ctrl_p_opens_the_palette_in_which_a_command_is_typed(watched):
    run = watched()

    async def script(monitor, pilot):
        await pilot.press("ctrl+p", *en.TEXTS["ui_key_save"])
        await until(lambda: "s  " + en.TEXTS["ui_key_save"] in "\n".join(screen(monitor)))
        await pilot.press("down", "enter")
        await until(lambda: run.asked)

    drive(run.monitor(), script)
    assert run.asked == [("save", 0)]


NOT_IN_THE_PALETTE = {"↑", "↓", "j", "k", "PgUp", "PgDn", "^u", "^d", "Home", "End", "F10", "F1", "^p", "^z", "^c"}
"""Keys that move the log or the palette itself, and second names."""

TEXTUAL_NAMES = {
    "+": "plus", "-": "minus", "/": "slash", "?": "question_mark", "Tab": "tab", "Esc": "escape", "^q": "ctrl+q",
}  # fmt: skip


def test_the_palette_has_what_keys_do(watched):
    async def script(monitor, pilot):
        commands = list(monitor.get_system_commands(monitor.screen))
        keys = [command.title.split()[0] for command in commands]
        assert sorted(keys) == sorted(
            {key for shown, _ in help_lines() for key in shown.split()} - NOT_IN_THE_PALETTE
        )
        bound = monitor.active_bindings
        for key, command in zip(keys, commands, strict=True):
            assert command.help == bound[TEXTUAL_NAMES.get(key, key)].binding.action

    drive(watched().monitor(), script)


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
