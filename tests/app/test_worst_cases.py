"""The worst validation pictures in ``everybatch analyze``: which they are, and how they are shown."""

import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from everybatch.app import analyze, judge_cases
from everybatch.app.cases_sheet import WIDTH
from everybatch.app.command_line import main
from everybatch.app.judge_cases import spread
from everybatch.app.overlay import FILL
from everybatch.app.picture_page import DPI, MARGIN, SEAM, PageForm
from everybatch.engine.pictures.class_colours import OKABE_ITO
from everybatch.log.catalogue import Catalogue
from PIL import Image

from ..support import only
from ..trained import VALUES, dice, mask_of, scene, values_in
from .judged_runs import BLOCK, WRONG, analyzed, reason, table


def own_dice(kind, folder, name):
    """Of each class, of the masks that ``everybatch predict`` wrote and those of the folder."""
    found, truth = (values_in(folder / where / f"{name}.png") for where in ("predictions", "data/masks"))
    values = sorted({value for value in VALUES[kind] if value})
    return [dice(found == value, truth == value) for value in values]


def test_spread_begins_everywhere():
    for count in (1, 2, 7, 64, 100):
        order = spread(count)
        assert sorted(order) == list(range(count))
        for some in range(1, count + 1):
            first = [-1, *sorted(order[:some]), count]
            assert np.diff(first).max() <= 2 * math.ceil(count / some) + 1


# ---- the report -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "lang"), [pytest.param("binary", "zh", marks=pytest.mark.slow), ("classes", "en")]
)
def test_the_wrong_mask_is_the_worst_and_the_figures_are_those_of_predicts_masks(kind, lang, judged_run, capsys):
    folder = judged_run(kind)
    assert main(["predict", *[str(folder / "data" / "images" / f"{name}.png") for name in (4, 9)]]) == 0
    capsys.readouterr()
    found = table(analyzed(capsys, lang=lang), lang)
    head, worst, other, median = found
    assert (worst, other) == (WRONG, "4")
    said = Catalogue(lang)
    assert median == said.text("cases_median", count=2)
    names = [] if kind == "binary" else ["liver", "tumour"]
    assert [head, *found[head]] == [said.text("cases_name"), "Dice", *names]
    expected = {}
    for name in (worst, other):
        classes = own_dice(kind, folder, name)
        expected[name] = [np.mean(classes), *(classes if names else [])]
        assert found[name] == [f"{one:.3f}" for one in expected[name]]
    assert found[median] == [f"{one:.3f}" for one in np.median(list(expected.values()), axis=0)]
    assert expected[worst][0] < expected[other][0] - 0.1


def test_the_worst_five_of_those_that_are_for_validation_now(judged_run, capsys, monkeypatch):
    folder = judged_run("binary")
    (folder / "data" / "val.txt").write_text("".join(f"{number}.png\n" for number in range(2, 10)))
    judge = judge_cases.judge

    def without_3(data, pair, found):
        case = judge(data, pair, found)
        return dataclasses.replace(case, class_dice=(math.nan,)) if pair.files.name == "3" else case

    monkeypatch.setattr(judge_cases, "judge", without_3)
    out = analyzed(capsys)
    _, *cases, median = table(out).items()
    assert cases[0][0] == WRONG
    assert len(cases) == 5
    shown = [float(cells[0]) for _, cells in cases]
    assert shown == sorted(shown)
    assert median[0] == "median of 7"
    assert float(median[1][0]) == shown[3]
    assert "Without a Dice, as there is nothing and nothing was found: 1" in out


def test_a_volume_says_and_shows_the_slice_with_the_most_wrong_pixels(judged_run, capsys):
    folder = judged_run("binary")
    wrong = np.zeros((200, 260), np.uint8)
    wrong[BLOCK] = 1
    for number in range(10):
        scenes = [scene(number, 200, 260)] * 2 + [(scene(number, 200, 260)[0], wrong)]
        for place, name in enumerate(("images", "masks")):
            (folder / "data" / name / f"{number}.png").unlink()
            pages = [one[place] if name == "images" else mask_of("binary", one[place]) for one in scenes]
            first, *others = map(Image.fromarray, pages)
            first.save(folder / "data" / name / f"{number}.tif", save_all=True, append_images=others)
    found = table(analyzed(capsys))
    assert found["picture"] == ["Dice", "slice"]
    assert [found[name][1] for name in ("4", "9")] == ["3/3", "3/3"]


def test_what_the_time_did_not_suffice_for_is_said(judged_run, capsys, monkeypatch):
    folder = judged_run("binary")
    (folder / "data" / "val.txt").write_text("".join(f"{number}.png\n" for number in range(2, 9)))
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(judge_cases, "time", SimpleNamespace(monotonic=lambda: clock.now))
    judge = judge_cases.judge

    def slow(*arguments):
        clock.now += 7.0
        return judge(*arguments)

    monkeypatch.setattr(judge_cases, "judge", slow)
    out = analyzed(capsys)
    assert "Judged 3 of 7, evenly among all of them, in 20 s\n" in out
    assert {name for name in table(out) if name.isdigit()} == {"2", "6", "4"}
    monkeypatch.setattr(analyze, "SECONDS", -1.0)
    assert reason(analyzed(capsys)).startswith("none of 7 can be done within")


def test_a_picture_that_takes_too_long_does_not_keep_the_others_from_being_judged(judged_run, capsys, monkeypatch):
    folder = judged_run("binary")
    for name in ("images", "masks"):
        path = folder / "data" / name / "4.png"
        Image.open(path).resize((520, 400), Image.Resampling.NEAREST).save(path)
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(judge_cases, "time", SimpleNamespace(monotonic=lambda: clock.now))
    labels = judge_cases.Predictor.labels

    def slow(self, parts, progress):
        def tell(share):
            clock.now += 2.5 if parts[0].size > 60_000 else 0.1
            progress(share)

        return labels(self, parts, tell)

    monkeypatch.setattr(judge_cases.Predictor, "labels", slow)
    monkeypatch.setattr(analyze, "SECONDS", 10.0)
    out = analyzed(capsys)
    assert "Judged 1 of 2: 10 s do not suffice for the larger ones\n" in out
    assert [name for name in table(out) if name.isdigit()] == [WRONG]


def test_json_is_as_fast_as_ever(judged_run, capsys):
    folder = judged_run("binary")
    found = json.loads(analyzed(capsys, "--json"))
    assert set(found) == {"run", "state", "epochs", "best_epoch", "values", "findings"}
    assert not list(folder.glob("metrics/*.png"))


# ---- the picture ------------------------------------------------------------------------------------------


def pictures_of(page):
    """The pictures of each row of a page."""
    form = PageForm(WIDTH, 1, 3)
    wide = form.picture_width
    lefts = [MARGIN + number * (wide + SEAM) for number in range(3)]
    columns = [slice(round(left * DPI) + 2, round((left + wide) * DPI) - 2) for left in lefts]
    full = np.flatnonzero(~(page[:, columns[0]] > 250).all(axis=2).any(axis=1))
    bands = np.split(full, np.flatnonzero(np.diff(full) > 1) + 1)
    return [[page[band[0] : band[-1] + 1, column] for column in columns] for band in bands if len(band) > 50]


def colour_at(picture, place):
    """The mean colour of the inner part of a place in a picture of 200×260 pixels."""
    scale = np.array(picture.shape[:2]) / (200, 260)
    inside = tuple(
        slice(round((one.start + 4) * by), round((one.stop - 4) * by)) for one, by in zip(place, scale, strict=True)
    )
    return picture[inside].reshape(-1, 3).mean(axis=0)


def test_the_colours_of_mask_and_prediction_are_where_they_are(judged_run, capsys):
    folder = judged_run("binary")
    out = analyzed(capsys)
    sheet = only(folder, "metrics/cases_*.png")
    assert f"Picture: {sheet}" in out.replace("\n", "")
    page = np.asarray(Image.open(sheet).convert("RGB")).astype(float)
    shown = pictures_of(page)
    assert len(shown) == 2
    picture, mask, prediction = shown[0]
    height, width = picture.shape[:2]
    assert width / height == pytest.approx(260 / 200, abs=0.02)
    _, classes = scene(int(WRONG), 200, 260)
    in_block = np.zeros_like(classes, bool)
    in_block[BLOCK] = True
    found, only_mask = square_in((classes > 0) & ~in_block), square_in((classes == 0) & in_block)

    def marked(shown, place):
        plain = colour_at(picture, place)
        return pytest.approx(plain * (1 - FILL) + np.array(OKABE_ITO[0]) * FILL, abs=3) == colour_at(shown, place)

    def plain(shown, place):
        return pytest.approx(colour_at(picture, place), abs=3) == colour_at(shown, place)

    assert marked(mask, only_mask)
    assert plain(prediction, only_mask)
    assert plain(mask, found)
    assert marked(prediction, found)


def square_in(places, side=18):
    """A square in which all is true."""
    every = np.lib.stride_tricks.sliding_window_view(places, (side, side)).all(axis=(2, 3))
    row, column = np.argwhere(every)[0]
    return slice(row, row + side), slice(column, column + side)


def test_the_page_has_the_table_and_the_picture(judged_run, capsys):
    folder = judged_run("binary")
    analyzed(capsys, "--html")
    page = only(folder, "metrics/analysis_*.html").read_text("utf-8")
    assert page.count('src="data:image/png;base64,') == 2
    assert "<h2>Worst validation pictures, judged whole (best.pt, epoch " in page
    assert "<th>Dice</th>" in page
    assert page.index("<td>9</td>") < page.index("<td>4</td>") < page.index("<td>median of 2</td>")
