"""What a screen of any size says can be read: nothing is cut without a sign, or stands beside its title."""

import re
import time

import msgspec
import pytest
from everybatch.app.keys import help_lines
from everybatch.log.texts import en, zh
from everybatch.metrics.records import Notice, RunEnded, RunStarted
from rich.cells import cell_len

from .. import replay
from .driver import drive, screen, until

COMMAND = "python -m torch.distributed.run --standalone --nproc_per_node 2 some/where/train_it.py --lr 0.1"


def started(task="train.py", world_size=1):
    return RunStarted("20261124_120000", 1, task, 10, world_size, "cpu", "", 1, (), time.time())


@pytest.mark.parametrize(("lang", "texts"), [("en", en.TEXTS), ("zh", zh.TEXTS)])
def test_the_numbers_of_a_rank_stand_below_their_titles(watched, lang, texts):
    async def script(monitor, pilot):
        panel = monitor.query_one("#ranks")
        heading, line = ("".join(text for text, _ in panel.body(y, 46)) for y in (0, 1))
        titles = texts["ui_ranks_heading"].split()
        ends = [cell_len(heading[: heading.index(f" {title}") + 1 + len(title)]) for title in titles[1:]]
        assert ends == [cell_len(line[: match.end()]) for match in re.finditer(r"\S+", line)][1:]

    drive(watched().monitor(lang), script)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_help_has_room_for_every_word(watched, width):
    async def script(monitor, pilot):
        await pilot.press("question_mark")
        await until(lambda: len(monitor.screen_stack) == 2)
        await pilot.pause()
        shown = [line.strip("│ ") for line in screen(monitor) if line.count("│") >= 2]
        words = " ".join(" ".join(shown).split())
        for keys, meaning in help_lines():
            first, *rest = en.TEXTS[meaning].split()
            assert f"{' '.join(keys.split())} {first}" in words
            assert all(word in words for word in rest)
        assert " ".join(en.TEXTS["ui_help_filter"].split()) in words

    drive(watched().monitor(), script, (width, 60))


@pytest.mark.parametrize(("width", "more"), [(60, ""), (80, "ps"), (100, "psfz"), (140, "psfzt")])
def test_a_footer_has_the_keys_that_fit_the_most_important_first(watched, width, more):
    async def script(monitor, pilot):
        footer = screen(monitor)[-1]
        assert {key for key in "psfzt" if f" {key} " in footer} == set(more)
        assert footer.endswith(" ")
        assert [key for key in ("space", "/", "+", "-", "?", "q") if f" {key} " not in footer] == []

    drive(watched().monitor(), script, (width, 30))


def test_before_the_first_batch_no_axis_is_made_up(watched):
    run = watched(0, extra=[started()])

    async def script(monitor, pilot):
        x, y, width, height = monitor.plot.region
        plot = "\n".join(line[x : x + width] for line in screen(monitor)[y : y + height])
        assert en.TEXTS["ui_no_curve"] in plot
        assert not re.search(r"\d", plot)
        assert "1 rank cpu" in screen(monitor)[0]
        run.add(*list(replay.records(20))[1:])
        monitor.frame()
        await pilot.pause()
        assert en.TEXTS["ui_no_curve"] not in "\n".join(screen(monitor))

    drive(run.monitor(), script)


def test_a_run_of_unknown_length_is_all_done_when_it_has_finished(watched):
    run = watched(0, extra=[msgspec.structs.replace(started(), epochs=-1), *list(replay.records(20))[1:]])

    async def script(monitor, pilot):
        assert screen(monitor)[1].rstrip().endswith("?")
        run.add(RunEnded("finished", "", 1, 1, 0.1, 9.0, 1.0))
        monitor.frame()
        await pilot.pause()
        assert screen(monitor)[1].rstrip().endswith(" 100.0%")

    drive(run.monitor(), script)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_long_command_leaves_room_for_the_times(watched, width):
    run = watched(0, extra=[started(COMMAND, 2)])

    async def script(monitor, pilot):
        first = screen(monitor)[0]
        assert "elapsed 0:00" in first
        assert f" {COMMAND[:8]}" in first
        assert f"{COMMAND[-8:]}  " in first
        assert "…" in first

    drive(run.monitor(), script, (width, 24))


def test_a_line_that_is_cut_says_so(watched):
    run = watched(0, extra=[started(), Notice("reason", "info", {"line": "x" + "yz" * 60}, at=1.0)])
    run.add(Notice("reason", "info", {"line": "=" * 200}, at=1.0))

    async def script(monitor, pilot):
        shown = screen(monitor)
        assert any(re.fullmatch(r"│x(yz)+y?…│", line) for line in shown)
        assert any(re.fullmatch(r"│=+[│┃]", line) for line in shown)

    drive(run.monitor(), script, (80, 24))
