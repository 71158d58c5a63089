"""The keys of the batch log: following, moving, search, filter, copy."""

import re

import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.records import BatchRecord, Notice
from textual import events

from .. import replay
from .driver import drive, finish, screen, search, until


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


def test_a_search_finds_only_what_the_filter_shows(watched):
    async def script(monitor, pilot):
        pane = monitor.log_pane
        await pilot.press("f", *"epoch=2", "enter")
        await until(lambda: pane.filter_text)
        finish(pane)
        for _ in range(2):  # the second one comes round to it again
            await search(monitor, pilot, "(100/171)")
            assert pane.marked_line().startswith("Epoch [2/10] - ")
            await pilot.pause()
            assert pane.marked_line() in "\n".join(screen(monitor))

    drive(watched(600).monitor(), script)


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


def test_copy_takes_the_marked_line(watched):
    async def script(monitor, pilot):
        await pilot.press("y")
        assert re.match(r"Epoch \[3/10\] - progress .* \(157/171\) - ", monitor.clipboard)  # the last one in view
        await search(monitor, pilot, "(100/171)")
        await pilot.press("y")
        assert re.match(r"Epoch \[1/10\] - progress .* \(100/171\) - ", monitor.clipboard)

    drive(watched().monitor(), script)
