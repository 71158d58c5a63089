"""Runs whose validation pictures ``everybatch analyze`` cannot judge: it says why, and all else comes."""

import shutil
import sys

import numpy as np
import pytest
import torch
from everybatch.app import judge_cases
from everybatch.engine.checkpoint import save_atomically
from everybatch.engine.tasks.segmenter import RECIPE
from PIL import Image

from ..support import only, until
from .judged_runs import WRONG, analyzed, reason, table, tell


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
def test_what_cannot_be_judged_is_one_line_that_says_why(happens, lang, said, judged_run, capsys, monkeypatch):
    folder = judged_run("binary")
    happens(folder)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("everybatch.app.report_console.MOST_WIDTH", 400)
    monkeypatch.setattr("everybatch.app.report_console.report_console.__defaults__", (400,))
    assert said.format(data=folder / "data") in reason(analyzed(capsys, lang=lang), lang)
    assert not list(folder.glob("metrics/cases_*.png"))
    assert list(folder.glob("metrics/analysis_*.png"))


def test_whatever_goes_wrong_is_no_error(judged_run, capsys, monkeypatch):
    judged_run("binary")

    def fails(*arguments):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(judge_cases, "judge", fails)
    assert reason(analyzed(capsys)) == "CUDA out of memory"


def test_a_torch_that_cannot_be_imported_is_no_error(judged_run, capsys, monkeypatch):
    judged_run("binary")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert reason(analyzed(capsys)).startswith("torch cannot be imported (")


def test_a_damaged_best_checkpoint_leaves_the_last_one(judged_run, capsys):
    folder = judged_run("binary")
    only(folder, "checkpoints/*/best.pt").write_bytes(b"no checkpoint")
    assert "judged whole (last.pt, epoch 3)" in analyzed(capsys)


def test_a_run_of_another_task_and_one_without_checkpoints_say_nothing(judged_run, capsys):
    folder = judged_run("binary")
    before = analyzed(capsys)
    assert "validation pictures" in before
    tell(folder, task="phantoms")
    assert "validation pictures" not in analyzed(capsys)
    tell(folder, task="image_folder")
    shutil.rmtree(folder / "checkpoints")
    assert "validation pictures" not in analyzed(capsys)


@pytest.mark.slow
def test_a_run_that_goes_on_is_left_alone_until_it_has_ended(learnt, start, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    data = str(learnt("binary") / "data")
    flags = ("--task", "image_folder", "--data", data, "--epochs", "1000", "--nproc", "1")
    running = start(*flags, "--lr", "0.01", "--no-tui", env={"OMP_NUM_THREADS": "1"})
    until(lambda: list(tmp_path.glob("checkpoints/*/best.pt")))
    assert reason(analyzed(capsys)) == "the run goes on"
    running.end()
    assert WRONG in table(analyzed(capsys))
