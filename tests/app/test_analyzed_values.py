"""The command that analyses shows the named values of a run: a table, a picture of each, JSON, the page."""

import json
import math

import pytest
from everybatch.app.command_line import main
from PIL import Image

from ..metrics.test_analysed_values import RUN_ID, write_batches


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "100")
    names = ("dice", "$x_1$ [red]", "n" * 200, "never")
    rows = [(1 - 1 / step, step, 1e-9 * step, math.nan if step == 7 else None) for step in range(1, 101)]
    write_batches(tmp_path, [(names, rows)])
    return tmp_path


def analyzed(*arguments, capsys):
    code = main(["analyze", "--batch_metrics", "--lang", "en", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_table_and_a_picture_of_each(folder, capsys):
    code, out, err = analyzed(capsys=capsys)
    assert (code, err) == (0, "")
    (dice,) = [line for line in out.splitlines() if line.startswith("dice")]
    assert dice.split()[1:] == ["0.7071", "0.9895", "0.0000", "0.9900", "0.9481"]
    assert "$x_1$ [red]" in out
    assert "The value never is NaN or Inf in 1 batch, the first is batch 6 of epoch 1" in out
    with Image.open(folder / f"values_{RUN_ID}.png") as picture:
        assert picture.width > picture.height > 300


def test_values_in_json(folder, capsys):
    code, out, _ = analyzed("--json", capsys=capsys)
    assert code == 0
    values = {value["name"]: value for value in json.loads(out)["values"]}
    assert values["dice"] == {
        "name": "dice", "early": pytest.approx(0.7071, abs=1e-3), "late": pytest.approx(0.9895, abs=1e-3),
        "least": 0.0, "most": pytest.approx(0.99), "mean": pytest.approx(0.948, abs=1e-3),
        "nonfinite": 0, "count": 100,
    }  # fmt: skip
    assert values["never"] == {
        "name": "never", "early": None, "late": None, "least": None, "most": None, "mean": None, "nonfinite": 1,
        "count": 1,
    }  # fmt: skip


def test_the_page_has_the_table_and_the_picture(folder, capsys):
    analyzed("--html", capsys=capsys)
    page = (folder / f"analysis_{RUN_ID}.html").read_text("utf-8")
    assert "$x_1$ [red]" in page
    assert page.count("<img ") == 1
