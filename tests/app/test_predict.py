"""``everybatch predict`` as a person types it."""

import shutil
import signal
import sys

import numpy as np
import pytest
import torch
from everybatch.app.command_line import main
from PIL import Image

from .. import replay
from ..support import Running, only, until
from ..trained import VALUES, dice, scene, values_in
from .terminal import Terminal


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder, and a user without runs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("EVERYBATCH_LANG", "en")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "here"
    torch.set_num_threads(before)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(scene(50 + number, 140, 150)[0]).save(folder / f"{number}.png")
    return folder


def tree(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "kind", ["classes", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("binary", "colours"))]
)
def test_pictures_become_masks_of_the_same_names_and_sizes(kind, trained, pictures, here, capsys):
    assert main(["predict", str(trained(kind)), str(pictures)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    head, *lines, end = out.splitlines()
    checkpoint = only(trained(kind), "checkpoints/*/best.pt")
    assert head.startswith(f"Model: {checkpoint}, epoch ")
    assert end.startswith("Masks written to predictions: 3 (")
    assert tree(here) == ["0.png", "1.png", "2.png"]
    for number, line in enumerate(lines):
        assert line.startswith(f"{pictures}/{number}.png: ")
        _, classes = scene(50 + number, 140, 150)
        found = values_in(here / "predictions" / f"{number}.png")
        shares = {part.rpartition(" ")[0]: part.rpartition(" ")[2] for part in line.partition(": ")[2].split(", ")}
        for label in set(range(1, 3)) & set(np.unique(classes)):
            value = VALUES[kind][label]
            assert dice(found == value, np.array(VALUES[kind])[classes] == value) > 0.8
            name = {
                "binary": "foreground",
                "classes": ("liver", "tumour")[label - 1],
                "colours": f"#{value:06x}",
            }[kind]
            assert shares[name] == f"{100 * (found == value).mean():.2f}%"


def test_a_run_is_named_in_every_way_and_which_checkpoint_is_told(
    trained, pictures, tmp_path, here, monkeypatch, capsys
):
    folder = tmp_path / "run"
    shutil.copytree(trained("binary"), folder, symlinks=True)
    shutil.rmtree(folder / "data")
    (run,) = (folder / "checkpoints").iterdir()
    monkeypatch.chdir(folder)
    picture = str(pictures / "0.png")
    for names in ([run.name], [run.name[:11]], ["."], [str(run)], [str(run / "best.pt")], []):
        assert main(["predict", *names, picture, "--out", str(here)]) == 0
        told = capsys.readouterr().out.splitlines()[0]
        assert f"{run.name}/best.pt, epoch" in told
    (run / "best.pt").write_bytes(b"no checkpoint")
    assert main(["predict", picture, "--out", str(here)]) == 0
    out, err = capsys.readouterr()
    assert f"{run.name}/last.pt, epoch 9," in out
    assert "cannot use the checkpoint" in err
    (run / "best.pt").unlink()
    assert main(["predict", run.name, picture, "--out", str(here)]) == 0
    assert f"{run.name}/last.pt, epoch 9," in capsys.readouterr().out
    shutil.copy(run / "last.pt", tmp_path / "model.pt")
    shutil.rmtree(folder / "checkpoints")
    assert main(["predict", run.name, picture]) == 2
    assert "has no checkpoint in" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "model.pt"), picture, "--out", str(here / "x")]) == 0


def test_a_run_of_another_task_is_one_clear_line(train, tiny, tmp_path, pictures, capsys):
    assert train(*tiny[:2], "--nproc", "1", "--epochs", "1").code == 0
    assert main(["predict", str(tmp_path), str(pictures)]) == 2
    assert capsys.readouterr().err.endswith("is one of tiny:Tiny\n")


def test_a_run_of_somebodys_own_command_has_nothing_to_predict_with(tmp_path, pictures, capsys):
    private = replay.make_folder(tmp_path, state="finished")
    replay.write_run_json(
        private, world_size=1, state="finished", kind="command", config={"task": "python train.py"}
    )
    assert main(["predict", str(tmp_path), str(pictures)]) == 2
    told = f"error: predict works for runs of image_folder; {private.name} is one of python train.py\n"
    assert capsys.readouterr().err == told


def test_what_cannot_be_predicted_is_a_line_each_and_the_others_go_on(trained, pictures, here, capsys):
    Image.fromarray(np.zeros((20, 20, 3), np.uint8) + np.arange(3, dtype=np.uint8)).save(pictures / "0.png")
    (pictures / "1.png").write_bytes(b"no picture")
    (pictures / "notes.txt").write_text("x")
    assert main(["predict", str(trained("binary")), str(pictures)]) == 1
    out, err = capsys.readouterr()
    first, second, end = err.splitlines()
    assert first == f"{pictures}/0.png: has channels: 3, the model needs 1; there is no mask of it"
    assert second.startswith(f"{pictures}/1.png: cannot identify")
    assert end == "Pictures without a mask: 2"
    assert "1 that cannot be pictures (notes.txt)" in out
    assert tree(here) == ["2.png"]


def test_masks_of_an_earlier_predict_are_replaced_and_pictures_never(trained, pictures, here, capsys):
    run = str(trained("binary"))
    (here / "predictions").mkdir()
    (here / "predictions" / "0.png").write_bytes(b"earlier")
    before = (pictures / "0.png").read_bytes()
    assert main(["predict", run, str(pictures / "0.png"), "--overlay"]) == 0
    assert tree(here) == ["0.png", "0_overlay.png"]
    assert Image.open(here / "predictions" / "0.png").size == (150, 140)
    shown = np.asarray(Image.open(here / "predictions" / "0_overlay.png"))
    found = np.asarray(Image.open(here / "predictions" / "0.png")) > 0
    picture = np.asarray(Image.open(pictures / "0.png"))
    assert (shown[~found] == picture[~found][:, None]).all()
    assert (shown[found] != picture[found][:, None]).any()
    capsys.readouterr()
    for out in (str(pictures), str(here / ".." / "pictures")):
        assert main(["predict", run, str(pictures), "--out", out]) == 2
        assert "would take the place of a picture" in capsys.readouterr().err
    shutil.copy(pictures / "0.png", pictures / "0.bmp")
    Image.open(pictures / "0.png").save(pictures / "0.jpg")
    assert main(["predict", run, str(pictures)]) == 2
    assert "would both be" in capsys.readouterr().err
    assert (pictures / "0.png").read_bytes() == before
    assert main(["predict", run, str(pictures / "0.jpg"), "--out", "jpeg"]) == 0
    assert tree(here / "jpeg") == ["0.png"]


@pytest.mark.parametrize(
    ("lang", "mistakes"),
    [
        (
            "en",
            [
                "error: everybatch predict needs pictures",
                "error: there is nothing at x.png",
                "error: no picture in",
            ],
        ),
        ("zh", ["错误: everybatch predict 需要图像", "错误: x.png 不存在", "错误: empty 中没有图像"]),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(lang, mistakes, trained, here, capsys):
    (here / "empty").mkdir()
    run = str(trained("binary"))
    for arguments, expected in zip(([run], [run, "x.png"], [run, "empty"]), mistakes, strict=True):
        assert main(["predict", *arguments, "--lang", lang]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(expected)
        assert err.count("\n") == 1
    assert main(["predict", "--lang", lang]) == 2
    assert [path.name for path in here.iterdir()] == ["empty"]


def test_in_chinese(trained, pictures, capsys):
    assert main(["predict", str(trained("binary")), str(pictures / "0.png"), "--lang", "zh"]) == 0
    head, line, end = capsys.readouterr().out.splitlines()
    assert head.startswith("模型: ")
    assert line.startswith(f"{pictures}/0.png: foreground ")
    assert end.startswith("已写入 predictions 的掩码: 1 个")


def test_ctrl_c_ends_it_and_no_mask_is_half(trained, pictures, here):
    Image.fromarray(scene(1, 6000, 6000)[0]).save(pictures / "9.png")
    command = [sys.executable, "-m", "everybatch", "predict", str(trained("binary")), str(pictures)]
    running = Running(command, here, {"OMP_NUM_THREADS": "1"})
    try:
        until(lambda: (here / "predictions" / "2.png").exists())
        running.send(signal.SIGINT)
        done = running.wait()
    finally:
        running.end()
    assert done.code == 130
    assert sorted(path.name for path in (here / "predictions").iterdir()) == ["0.png", "1.png", "2.png"]
    assert "Traceback" not in done.stderr
    assert "已写入 predictions 的掩码: 3 个" in done.stdout


def test_a_terminal_shows_a_bar_and_whole_lines(trained, pictures, here):
    command = [sys.executable, "-m", "everybatch", "predict", str(trained("binary")), str(pictures), "--lang", "en"]
    seen = Terminal(command, here)
    try:
        seen.shows("/3")
        assert seen.wait() == 0
    finally:
        seen.kill()
    assert "Masks written to predictions: 3" in seen.text()
