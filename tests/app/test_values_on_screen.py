"""The named values of a batch on the screen: their panel, and each of them in the plot."""

import math

from everybatch.metrics.records import BatchRecord, EpochStarted, RunStarted, RunTold, ValidationRecord

from .driver import drive, screen

NAMES = tuple(f"value_{number}" for number in range(20))


def record(step, values=()):
    return BatchRecord(1, step - 1, step, 0.5, 0.001, 0.4, 0.6, 0.03, 0.002, 8, 0.03 * step, 1, values)


def told(*names):
    return RunTold(1, "cpu", 10, -1, (), names)


def run_of(watched, rows, names):
    """A run whose batches have these values."""
    run = watched(0)
    run.add(RunStarted("20261124_120000", 1, "train.py", 10, 1, "cpu", "", 1, (), 1.0), EpochStarted(1, 100, 0))
    run.add(told(*names), *(record(step, row) for step, row in enumerate(rows, 1)))
    return run


def lines(monitor, word):
    return [line for line in screen(monitor) if word in line]


async def press(monitor, pilot, *keys):
    await pilot.press(*keys)
    monitor.frame()
    await pilot.pause()


def side(monitor):
    x, _, width, _ = monitor.query_one("#values").region
    return [line[x : x + width] for line in screen(monitor)]


def test_a_run_without_values_has_no_panel_of_them(watched):
    async def script(monitor, pilot):
        assert not monitor.query_one("#values").display
        assert not lines(monitor, "Values")

    drive(watched().monitor(), script)


def test_the_panel_shows_newest_least_and_most_of_each(watched):
    run = run_of(watched, [(0.5, 1e-7), (0.9,), (0.25, math.nan)], ("dice", "kl"))

    async def script(monitor, pilot):
        (dice,) = [line for line in side(monitor) if "dice" in line]
        (kl,) = [line for line in side(monitor) if " kl " in line]
        assert dice.strip("│ ").split() == ["dice", "0.2500", "0.2500", "0.9000"]
        assert kl.strip("│ ").split() == ["kl", "nan", "1.000e-07", "1.000e-07", "✖"]
        assert len(dice) == len(kl)

    drive(run.monitor(), script)


def test_v_puts_one_value_after_the_other_into_the_plot_and_the_loss_again(watched):
    run = run_of(watched, [(0.5, 7.0), (0.9, 8.0)], ("dice", "iou"))

    async def script(monitor, pilot):
        titles = []
        for key in ("v", "v", "v", "V"):
            await press(monitor, pilot, key)
            titles.append(monitor.plot.title_pieces()[0][0])
        assert titles == ["dice", "iou", "Loss", "iou"]
        assert any("newest 8.0000 · least 7.0000 · most 8.0000" in line for line in screen(monitor))
        (row,) = [line for line in side(monitor) if "iou" in line]
        assert "▸" in row

    drive(run.monitor(), script)


def test_of_many_values_the_plotted_one_is_in_sight(watched):
    run = run_of(watched, [tuple(map(float, range(20)))], NAMES)

    async def script(monitor, pilot):
        assert any("Values · 20" in line for line in side(monitor))
        assert not [line for line in side(monitor) if "value_19" in line]
        await press(monitor, pilot, "V")
        assert [line for line in side(monitor) if "▸ value_19" in line]
        assert any("Epochs" in line for line in side(monitor))

    drive(run.monitor(), script)


def test_values_that_come_while_one_looks_are_shown(watched):
    run = run_of(watched, [()], ())

    async def script(monitor, pilot):
        assert not monitor.query_one("#values").display
        run.add(told("dice"), record(2, (0.7,)))
        monitor.frame()
        await pilot.pause()
        assert [line for line in side(monitor) if "dice" in line]
        await press(monitor, pilot, "5")
        assert not monitor.query_one("#values").display

    drive(run.monitor(), script)


def test_a_narrow_screen_has_the_newest_in_a_line(watched):
    run = run_of(watched, [(0.5, 7.0)], ("dice", "iou"))

    async def script(monitor, pilot):
        assert lines(monitor, "dice 0.5000  iou 7.0000")

    drive(run.monitor(), script, size=(80, 24))


def test_a_name_of_any_kind_takes_its_columns_and_no_more(watched):
    names = ("肿瘤的Dice系数（第三类）", "a\x1b[31mb\nc", "x" * 200)
    run = run_of(watched, [(0.1, 0.2, 0.3)], names)

    async def script(monitor, pilot):
        for line in screen(monitor):
            assert "\x1b" not in line
        assert [line for line in side(monitor) if "x…" in line.replace(" ", "") or "xxxx" in line]
        await press(monitor, pilot, "v", "v")
        assert r"a\x1b[31mb\nc" in monitor.plot.title_pieces()[0][0]

    drive(run.monitor(), script)


def test_a_validation_at_any_time_is_a_line_of_the_log_and_found_by_its_epoch(watched):
    run = run_of(watched, [()] * 5, ())
    run.add(told("dice"), ValidationRecord(1, 5, 5, 0.25, (), 0.5, 1.0), *(record(step) for step in range(6, 9)))

    async def script(monitor, pilot):
        (line,) = lines(monitor, "0.250000")
        assert "5" in line
        await press(monitor, pilot, "f", *"epoch=1", "enter")
        assert lines(monitor, "0.250000")
        await press(monitor, pilot, "f", *["backspace"] * 7, *"epoch=2", "enter")
        assert not lines(monitor, "0.250000")

    drive(run.monitor(), script)
