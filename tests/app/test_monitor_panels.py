"""The keys that choose what is shown: zoom, panels, how the curve is drawn, themes."""

import re

import pytest

from .driver import drive, screen


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


@pytest.mark.parametrize(("steps", "best"), [(20, r"best -- "), (400, r"best 0\.\d+ ")])
def test_the_best_loss_is_unknown_until_an_epoch_has_ended(watched, steps, best):
    async def script(monitor, pilot):
        assert re.search(best, "\n".join(screen(monitor)))

    drive(watched(steps).monitor(), script)
