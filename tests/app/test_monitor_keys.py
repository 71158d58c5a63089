"""What the keys of the monitor ask the run, how it is left, and where keys are told: help, palette, footer."""

import pytest
from everybatch.app.actions import INTERVALS
from everybatch.app.keys import help_lines
from everybatch.app.monitor import Monitor
from everybatch.log.texts import en
from everybatch.metrics.records import Notice, RunEnded

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


ASKS = {"+": "interval", "-": "interval", "p": "pause", "s": "save", "d": "stacks"}
FINISHED = {"state": "finished", "extra": [RunEnded("finished", "", 3, 2, 0.1, 99.0, 1.0)]}


@pytest.mark.parametrize(
    ("content", "options", "offered"),
    [
        ({}, {}, "+-psd"),
        ({"kind": "loop"}, {}, "+-ps"),
        ({"kind": "command", "listens": True}, {}, "+-ps"),
        ({"kind": "command", "listens": False}, {}, "+-p"),
        ({"kind": "command"}, {}, "+-p"),
        ({"boot_id": "another kernel"}, {}, ""),
        ({"kind": "command", "listens": True}, FINISHED, ""),
        ({}, FINISHED, ""),
    ],
)
def test_a_key_is_shown_where_it_does_something(watched, content, options, offered):
    run = watched(**options)
    run.tell(**content)

    async def script(monitor, pilot):
        footer = screen(monitor)[-1]
        assert "q Quit" in footer
        assert {key for key in ASKS if f" {key} " in footer} == set(offered) - {"d"}
        in_palette = {command.title.split()[0] for command in monitor.get_system_commands(monitor.screen)}
        assert in_palette & ASKS.keys() == set(offered)
        await pilot.press("question_mark")
        await until(lambda: len(monitor.screen_stack) == 2)
        await pilot.pause()
        shown = "\n".join(screen(monitor))
        in_help = {key for key, asks in ASKS.items() if en.TEXTS[f"ui_key_{asks}"] in shown}
        assert in_help == set(offered)
        assert (en.TEXTS["ui_key_exit"] in shown) is not bool(options)

    drive(run.monitor(), script)


@pytest.mark.parametrize(("content", "offered"), [({"kind": "loop"}, True), ({"kind": "command"}, False)])
def test_a_stop_after_the_epoch_is_offered_where_somebody_does_it(watched, content, offered):
    run = watched()
    run.tell(**content)

    async def script(monitor, pilot):
        await pilot.press("q")
        await until(lambda: len(monitor.screen_stack) == 2)
        await pilot.pause()
        shown = "\n".join(screen(monitor))
        assert (en.TEXTS["ui_quit_e"] in shown) is offered
        assert en.TEXTS["ui_quit_s_foreign"] in shown

    drive(run.monitor(), script)


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
