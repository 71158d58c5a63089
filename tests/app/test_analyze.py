"""The command: which run it takes, what it prints and leaves, its exit codes."""

import json
import shutil
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from everybatch.app import plot_fonts, plots
from everybatch.app.command_line import main
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from PIL import Image

from ..metrics.synthetic import Run
from ..support import REPOSITORY, until


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, and no run that is known from elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("EVERYBATCH_LANG", "")
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def analyzed(*arguments, capsys):
    code = main(["analyze", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def overfitted():
    run = Run(epochs=40, pace=6.0)
    epoch = np.arange(1, 41)
    run.val = 0.25 + 0.4 * np.exp(-epoch / 4) + np.where(epoch > 12, 0.006 * (epoch - 12), 0)
    return run


def test_the_report_of_a_real_run(train, tiny, tmp_path):
    assert train(*tiny, "--epochs", "6", "--log_batch_metrics", "--lr", "0.01").code == 0
    for name, lang, words in (
        (
            "analyze_training.py",
            "zh",
            ["运行", "已完成，6/6 个epoch", "任务 tiny:Tiny", "最佳", "batch损失的分布", "发现"],
        ),
        ("-m everybatch analyze", "en", ["Run ", "finished, 6/6 epochs", "task tiny:Tiny", "best", "Findings"]),
    ):
        command = [str(REPOSITORY / name)] if name.endswith(".py") else name.split()
        done = subprocess.run(
            [sys.executable, *command, "--batch_metrics", "--lang", lang],
            cwd=tmp_path, capture_output=True, text=True,
            env={"XDG_STATE_HOME": str(tmp_path / "state"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert all(word in done.stdout for word in words)
        assert "\x1b" not in done.stdout
    (picture,) = tmp_path.glob("metrics/analysis_*.png")
    with Image.open(picture) as image:
        assert image.size[0] > 1000


def test_it_works_while_the_run_goes_on(start, tiny, tmp_path, folder, capsys):
    run = start(*tiny, "--epochs", "1000", "--log_batch_metrics", env={"TINY_SECONDS": "0.02"})
    until(lambda: "[6/1000]" in run.log())
    code, out, _ = analyzed("--batch_metrics", "--json", capsys=capsys)
    found = json.loads(out)
    assert code == 0
    assert found["state"] == "running"
    assert found["epochs"] >= 5
    assert "running" in [finding["kind"] for finding in found["findings"]]


def test_a_failed_run_and_one_that_died_give_three_and_a_warning(start, train, tiny, tmp_path, folder, capsys):
    failed = train(*tiny, "--epochs", "3", env={"TINY_FAULT": "raise@18"})
    assert failed.code == 1
    code, out, _ = analyzed(capsys=capsys)
    assert code == 3
    assert "训练失败，停在第 2 个epoch（" in out
    assert "a fault of rank 1" in "".join(line.strip() for line in out.splitlines())
    run = start(*tiny, "--epochs", "1000", env={"TINY_SECONDS": "0.02"})
    until(lambda: len(list(tmp_path.glob("log/*.log"))) == 2 and "[3/1000]" in run.log())
    run.process.kill()
    run.process.wait()
    code, out, _ = analyzed("--json", capsys=capsys)
    assert code == 0
    assert [f["severity"] for f in json.loads(out)["findings"] if f["kind"] == "lost"] == ["warning"]


def test_the_object_for_scripts(folder, capsys):
    overfitted().write(folder / "metrics")
    code, out, err = analyzed("--json", "--lang", "en", capsys=capsys)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["run"], found["epochs"]) == ("20261124_120000", 40)
    assert found["best_epoch"] in (12, 13)
    (finding,) = [finding for finding in found["findings"] if finding["kind"] == "overfitting"]
    assert set(finding) == {"kind", "severity", "text", "figures", "suggestion"}
    assert finding["severity"] == "warning"
    assert finding["text"].startswith("Overfitting: the validation loss was lowest in epoch")
    assert "best.pt" in finding["suggestion"]
    assert not list(folder.glob("metrics/*.png"))


def test_nan_gives_three_and_json_stays_json(folder, capsys):
    run = Run(epochs=10)
    run.loss[5:] = np.nan
    run.val[5:] = np.nan
    run.write(folder / "metrics")
    code, out, _ = analyzed("--json", "--batch_metrics", capsys=capsys)
    assert code == 3
    assert json.loads(out)["findings"][0]["kind"] == "nonfinite"
    code, out, _ = analyzed("--batch_metrics", "--html", capsys=capsys)
    assert code == 3
    assert "✖ 855 个batch的损失是NaN或Inf，第一个是 Epoch 6 的第 0 个batch" in out


@pytest.mark.parametrize("given", ["folder", "metrics", "file", "id", "nothing"])
def test_files_copied_from_elsewhere(folder, capsys, given):
    copied = folder / "from the cluster" / "metrics"
    overfitted().write(copied)
    names = {
        "folder": [str(copied.parent)],
        "metrics": [str(copied)],
        "file": [str(copied / "batch_metrics_20261124_120000.csv")],
        "id": ["202611"],
        "nothing": [],
    }
    if given in ("id", "nothing"):
        shutil.move(copied, folder / "metrics")
    code, out, _ = analyzed(*names[given], "--batch_metrics", capsys=capsys)
    assert code == 0
    assert "过拟合" in out
    assert len(list(folder.rglob("analysis_20261124_120000.png"))) == 1


@pytest.mark.parametrize("given", [[], ["20001231"], ["nowhere/"], ["."], ["notes.csv"]])
def test_no_run_is_one_line_and_two(folder, capsys, given):
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    code, out, err = analyzed(*given, "--lang", "en", capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_an_empty_run_says_so(folder, capsys):
    Run(epochs=1).write(folder / "metrics")
    for path in folder.glob("metrics/*.csv"):
        path.write_text(path.read_text().splitlines(keepends=True)[0])
    code, out, _ = analyzed("--batch_metrics", capsys=capsys)
    assert code == 0
    assert "还没有完成任何epoch" in out.replace("\n", "")


def test_without_a_batch_file_it_says_how_to_get_one(folder, capsys):
    Run(epochs=6).write(folder / "metrics")
    next(folder.glob("metrics/batch_*.csv")).unlink()
    code, out, err = analyzed("--batch_metrics", capsys=capsys)
    assert code == 0
    assert "--log_batch_metrics" in err
    assert "发现" in out


def test_a_page_holds_all_it_needs(folder, capsys):
    overfitted().write(folder / "metrics", "2026_<b>")
    code, out, _ = analyzed("--html", "--lang", "en", capsys=capsys)
    assert code == 0
    (path,) = folder.glob("metrics/analysis_*.html")
    assert f"Page: metrics/{path.name}" in out.replace("\n", "")
    page = path.read_text("utf-8")
    assert "Overfitting" in page
    assert "2026_&lt;b&gt;" in page
    assert "<b>2026" not in page
    assert 'src="data:image/png;base64,' in page
    for outside in ("http://", "https://", "<script", "<link"):
        assert outside not in page


def test_chinese_needs_a_font_and_says_when_there_is_none(folder, capsys, monkeypatch):
    overfitted().write(folder / "metrics")
    monkeypatch.setattr(plot_fonts, "FONTS", ("No Such Font",))
    code, out, _ = analyzed(capsys=capsys)
    assert code == 0
    assert "图中的文字用英文" in out
    monkeypatch.undo()


def test_a_font_that_is_installed_later_is_found(folder):
    """Matplotlib keeps its list of fonts between two commands, so the advice to install one must not be in vain."""
    overfitted().write(folder / "metrics")
    fonts = folder / "share" / "fonts"
    fonts.mkdir(parents=True)
    places = {"HOME": folder, "XDG_DATA_HOME": folder / "share", "XDG_STATE_HOME": folder / "state"}
    environment = {"PATH": "/usr/bin:/bin", "MPLCONFIGDIR": str(folder / "kept")}
    environment |= {name: str(place) for name, place in places.items()}
    command = """
import sys
from everybatch.app import plot_fonts
from everybatch.app.command_line import main
plot_fonts.FONTS = ("Later Sans",)
sys.exit(main(["analyze"]))
"""

    def report():
        done = subprocess.run(
            [sys.executable, "-c", command], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (fonts / "broken.ttf").write_bytes(b"not a font")
    assert "图中的文字用英文" in report()
    font = TTFont(font_manager.findfont("DejaVu Sans"))
    for name in font["name"].names:
        if name.nameID in (1, 4, 16):
            font["name"].setName("Later Sans", name.nameID, name.platformID, name.platEncID, name.langID)
    font.save(fonts / "later.ttf")
    assert "图中的文字用英文" not in report()
    (fonts / "later.ttf").unlink()
    assert "图中的文字用英文" in report()


@pytest.mark.skipif(not plot_fonts.use_font("zh"), reason="no Chinese font here")
def test_a_chinese_picture_has_no_missing_letters(folder, recwarn):
    from everybatch.log.catalogue import Catalogue
    from everybatch.metrics.analysis.analysis import analyse
    from everybatch.metrics.analysis.run_files import runs_in

    (files,) = runs_in(overfitted().write(folder / "metrics")).values()
    plot_fonts.use_font("zh")
    assert plots.draw_run(analyse(files, with_batches=False), Catalogue("zh")).startswith(b"\x89PNG")
    assert [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)] == []
    mpl.rcdefaults()


def test_an_unwritable_folder_is_said_and_the_report_comes_all_the_same(folder, capsys):
    overfitted().write(folder / "metrics")
    (folder / "metrics" / "analysis_20261124_120000.png").mkdir()
    code, out, err = analyzed(capsys=capsys)
    assert code == 0
    assert "过拟合" in out
    assert err.startswith("警告: 无法写入")


def test_several_runs_side_by_side(folder, capsys):
    Run(end=0.12).write(folder / "a" / "metrics", "20261120_120000")
    Run(end=0.08, seed=1).write(folder / "b" / "metrics", "20261121_120000")
    code, out, _ = analyzed("a", "b", "--lang", "en", capsys=capsys)
    assert code == 0
    assert "20261121_120000 is better" in out
    assert (folder / "a" / "metrics" / "comparison_20261120_120000.png").exists()
    code, out, _ = analyzed("a", "b", "--json", capsys=capsys)
    found = json.loads(out)
    assert [run["run"] for run in found["runs"]] == ["20261120_120000", "20261121_120000"]
    assert found["comparison"]["standings"][0]["run_id"] == "20261121_120000"
    assert found["comparison"]["clear"] is True


@pytest.mark.parametrize("width", [40, 80, 200])
def test_any_width_shows_every_finding_whole(folder, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    overfitted().write(folder / "metrics")
    found = json.loads(analyzed("--batch_metrics", "--json", capsys=capsys)[1])["findings"]
    assert len(found) > 1
    code, out, _ = analyzed("--batch_metrics", capsys=capsys)
    assert code == 0
    for finding in found:
        for text in (finding["text"], finding["suggestion"]):
            assert "".join(text.split()) in "".join(out.split())
    assert "…" not in out


def test_a_mistake_in_the_flags_is_one_line(folder, capsys):
    code, out, err = analyzed("--batch_metric", "--lang", "en", capsys=capsys)
    assert (code, out) == (2, "")
    assert "--batch_metrics" in err
    assert analyzed("--help", capsys=capsys)[0] == 0
