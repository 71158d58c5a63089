"""The worst validation pictures in ``everybatch analyze``: which they are, and how they are shown."""

import dataclasses
import json
import math
import re
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from everybatch.app import analyze, judge_cases
from everybatch.app.cases_sheet import WIDTH
from everybatch.app.command_line import main
from everybatch.app.judge_cases import spread
from everybatch.app.overlay import FILL
from everybatch.app.picture_page import DPI, MARGIN, SEAM, PageForm
from everybatch.engine.checkpoint import save_atomically
from everybatch.engine.pictures.class_colours import OKABE_ITO
from everybatch.engine.tasks.segmenter import RECIPE
from everybatch.log.catalogue import Catalogue
from PIL import Image

from ..support import only, until
from ..trained import FLAGS, VALUES, dice, mask_of, numbers_in, scene, train_on
from .scans import rows

WRONG = "9"
BLOCK = (slice(20, 100), slice(20, 120))
"""All that the mask of the wrong one has."""
EPOCHS = "3"


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """The folder of a run on masks of a kind, trained once; then the mask of a validation picture is made wrong."""
    folders = {}

    def folder(kind):
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp(kind)
            train_on(kind, folders[kind], "--epochs", EPOCHS)
            classes = np.zeros((200, 260), np.uint8)
            classes[BLOCK] = 1
            Image.fromarray(mask_of(kind, classes)).save(folders[kind] / "data" / "masks" / f"{WRONG}.png")
        return folders[kind]

    return folder


@pytest.fixture
def run(learnt, tmp_path, monkeypatch):
    """A copy of such a run, whose pictures a test may change; it is the current folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "100")
    before = torch.get_num_threads()
    torch.set_num_threads(1)

    def copy(kind):
        folder = tmp_path / "run"
        shutil.copytree(learnt(kind), folder, symlinks=True, ignore=shutil.ignore_patterns("*.png.npy", "cache"))
        tell(folder, data=str(folder / "data"))
        monkeypatch.chdir(folder)
        return folder

    yield copy
    torch.set_num_threads(before)


def tell(folder, **config):
    """Change the config that run.json tells."""
    path = only(folder, ".everybatch/*/run.json")
    content = json.loads(path.read_bytes())
    content["config"] |= config
    path.write_text(json.dumps(content))


def analyzed(capsys, *arguments, lang="en"):
    assert main(["analyze", *arguments, "--lang", lang]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def table(out, lang="en"):
    """The rows of the worst cases by their names, in their order, and the title."""
    title = re.escape(Catalogue(lang).text("cases_title", name="best.pt", epoch=0)).replace("0", r"\d+")
    found = re.search(rf"^{title}\n(.*?)\n\n", out, re.MULTILINE | re.DOTALL)
    return rows(found[1])


def reason(out, lang="en"):
    """Why nothing was judged, in one line."""
    begin = Catalogue(lang).text("cases_not_judged", reason="")
    (line,) = [line for line in out.splitlines() if line.startswith(begin)]
    return line.removeprefix(begin)


def own_dice(kind, folder, name):
    """Of each class, of the masks that ``everybatch predict`` wrote and those of the folder."""
    found, truth = (numbers_in(folder / where / f"{name}.png") for where in ("predictions", "data/masks"))
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


@pytest.mark.parametrize(("kind", "lang"), [("binary", "zh"), ("classes", "en")])
def test_the_wrong_mask_is_the_worst_and_the_figures_are_those_of_predicts_masks(kind, lang, run, capsys):
    folder = run(kind)
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


def test_the_worst_five_of_those_that_are_for_validation_now(run, capsys, monkeypatch):
    folder = run("binary")
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
    assert float(median[1][0]) > shown[2]
    assert "Without a Dice, as there is nothing and nothing was found: 1" in out


def test_a_volume_says_and_shows_the_slice_with_the_most_wrong_pixels(run, capsys):
    folder = run("binary")
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


def test_what_the_time_did_not_suffice_for_is_said(run, capsys, monkeypatch):
    folder = run("binary")
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


def test_json_is_as_fast_as_ever(run, capsys):
    folder = run("binary")
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


def test_the_colours_of_mask_and_prediction_are_where_they_are(run, capsys):
    folder = run("binary")
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


def test_the_page_has_the_table_and_the_picture(run, capsys):
    folder = run("binary")
    analyzed(capsys, "--html")
    page = only(folder, "metrics/analysis_*.html").read_text("utf-8")
    assert page.count('src="data:image/png;base64,') == 2
    assert "<h2>Worst validation pictures, judged whole (best.pt, epoch " in page
    assert "<th>Dice</th>" in page
    assert page.index("<td>9</td>") < page.index("<td>4</td>") < page.index("<td>median of 2</td>")


# ---- what cannot be judged --------------------------------------------------------------------------------


def without_pictures(folder):
    shutil.rmtree(folder / "data")


def without_recipe(folder):
    for path in (*folder.glob("checkpoints/*/best.pt"), *folder.glob("checkpoints/*/last.pt")):
        state = torch.load(path, weights_only=True)
        del state["model"][RECIPE]
        save_atomically(state, path)


def with_other_classes(folder):
    for path in (folder / "data" / "masks").iterdir():
        mask = np.asarray(Image.open(path)).copy()
        mask[:20], mask[20:30] = 1, 2
        Image.fromarray(mask).save(path)


def with_colour(folder):
    for path in (folder / "data" / "images").iterdir():
        Image.open(path).convert("RGB").save(path)


def with_a_broken_picture(folder):
    (folder / "data" / "images" / "4.png").write_bytes(b"no picture")


def without_good_checkpoints(folder):
    for path in folder.glob("checkpoints/*/*.pt"):
        path.write_bytes(b"no checkpoint")


@pytest.mark.parametrize(
    ("happens", "lang", "said"),
    [
        (without_pictures, "en", "there is no folder {data} any more"),
        (without_pictures, "zh", "目录 {data} 已不存在"),
        (without_recipe, "en", "was written by an older everybatch"),
        (with_other_classes, "en", "what is in {data} has other channels or classes than the run has learnt"),
        (with_colour, "zh", "{data} 中的通道或类别与训练时不同"),
        (with_a_broken_picture, "en", "4.png"),
        (without_good_checkpoints, "en", "cannot use the checkpoint"),
    ],
)
def test_what_cannot_be_judged_is_one_line_that_says_why(happens, lang, said, run, capsys, monkeypatch):
    folder = run("binary")
    happens(folder)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("everybatch.app.report_console.MOST_WIDTH", 400)
    monkeypatch.setattr("everybatch.app.report_console.report_console.__defaults__", (400,))
    assert said.format(data=folder / "data") in reason(analyzed(capsys, lang=lang), lang)
    assert not list(folder.glob("metrics/cases_*.png"))
    assert list(folder.glob("metrics/analysis_*.png"))


def test_whatever_goes_wrong_is_no_error(run, capsys, monkeypatch):
    run("binary")

    def fails(*arguments):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(judge_cases, "judge", fails)
    assert reason(analyzed(capsys)) == "CUDA out of memory"


def test_a_torch_that_cannot_be_imported_is_no_error(run, capsys, monkeypatch):
    run("binary")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert reason(analyzed(capsys)).startswith("torch cannot be imported (")


def test_a_damaged_best_checkpoint_leaves_the_last_one(run, capsys):
    folder = run("binary")
    only(folder, "checkpoints/*/best.pt").write_bytes(b"no checkpoint")
    assert "judged whole (last.pt, epoch 3)" in analyzed(capsys)


def test_a_run_of_another_task_and_one_without_checkpoints_say_nothing(run, capsys):
    folder = run("binary")
    before = analyzed(capsys)
    assert "validation pictures" in before
    tell(folder, task="phantoms")
    assert "validation pictures" not in analyzed(capsys)
    tell(folder, task="image_folder")
    shutil.rmtree(folder / "checkpoints")
    assert "validation pictures" not in analyzed(capsys)


def test_a_run_that_goes_on_is_left_alone_until_it_has_ended(learnt, start, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    data = str(learnt("binary") / "data")
    flags = ("--task", "image_folder", "--data", data, *FLAGS.get("binary", ()), "--epochs", "1000", "--nproc", "1")
    running = start(*flags, "--lr", "0.01", "--no-tui", env={"OMP_NUM_THREADS": "1"})
    until(lambda: list(tmp_path.glob("checkpoints/*/best.pt")))
    assert reason(analyzed(capsys)) == "the run goes on"
    running.end()
    assert WRONG in table(analyzed(capsys))
