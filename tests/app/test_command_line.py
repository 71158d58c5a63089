import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from everybatch.app.arguments import parse
from everybatch.app.command_line import COMMANDS, main
from everybatch.engine.config import TrainConfig
from everybatch.run.command_config import CommandConfig
from PIL import Image
from rich.cells import cell_len

from .. import replay


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    script = (
        "import sys, everybatch.app.command_line as c\n"
        f"try: c.main({arguments!r})\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'textual', 'pandas', 'matplotlib', 'numpy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "train" in done.stdout


def test_the_flags_are_frozen():
    """A flag or default changes only on purpose: the guide and people's scripts rely on them."""
    flags = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    flags.pop("lang")
    assert flags == {
        "epochs": 200,
        "batch_size": 4,
        "lr": 0.001,
        "log_interval": 1,
        "log_batch_metrics": False,
        "task": "phantoms",
        "data": None,
        "classes": None,
        "window": None,
        "nproc": 0,
        "device": "auto",
        "amp": "off",
        "grad_clip": 0.0,
        "workers": 0,
        "seed": 0,
        "on_nan": "warn",
        "on_validation_error": "stop",
        "resume": None,
        "take_over": False,
        "save_every": "1",
        "max_restarts": 0,
        "timeout": 100,
        "output_dir": Path(),
        "tui": True,
    }


@pytest.mark.parametrize(("lang", "word"), [("zh", "训练轮数"), ("en", "epochs to train")])
def test_the_help_has_every_flag_in_both_languages(lang, word, capsys):
    assert main(["train", "--lang", lang, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(word in line and "200" in line for line in lines)
    assert [line.split()[0] for line in lines[2:]] == [
        f"--{field.name}" for field in dataclasses.fields(TrainConfig)
    ]
    assert max(map(cell_len, lines)) <= 100
    assert not any("unknown" in line or "未知" in line for line in lines)


@pytest.mark.parametrize(
    ("lang", "usage", "unknown"),
    [
        ("zh", "用法: everybatch run [参数] CMD …   ", "[默认 未知]"),
        ("en", "usage: everybatch run [flags] CMD …   ", "[default unknown]"),
    ],
)
def test_the_help_of_run_has_our_flags_in_front_and_says_what_is_unknown(lang, usage, unknown, capsys, monkeypatch):
    monkeypatch.setenv("EVERYBATCH_LANG", lang)
    assert main(["run", "--help"]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith(usage)
    shown = {line.split()[0]: line for line in lines}
    flags = [field.name for field in dataclasses.fields(CommandConfig) if field.name != "command"]
    assert list(shown) == [f"--{name}" for name in flags]
    assert {flag for flag, line in shown.items() if line.endswith(unknown)} == {"--epochs", "--steps"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_command_has_a_help_that_says_how_it_is_typed(command, lang, capsys):
    assert main([command, "--help", "--lang", lang] if command != "run" else [command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f" everybatch {command} " in out.splitlines()[0]
    assert "  --lang " in out
    assert max(map(cell_len, out.splitlines())) <= 108


def test_a_command_for_one_run_takes_no_more(capsys):
    assert main(["stop", "a", "b", "--lang", "en"]) == 2
    assert capsys.readouterr().err == "error: everybatch stop takes one run, not several (a b)\n"


def test_an_argument_that_runs_does_not_know_is_named(capsys):
    assert main(["runs", "all", "--lang", "en"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown flag all (")


@pytest.mark.parametrize("flag", ["--log_interval", "--log-interval"])
def test_both_spellings_of_a_flag(flag):
    assert parse(TrainConfig, [flag, "10", "--log_batch_metrics"], "t").log_interval == 10


@pytest.mark.parametrize(
    ("arguments", "tui"), [([], True), (["--no-tui"], False), (["--no_tui"], False), (["--tui"], True)]
)
def test_the_monitor_can_be_switched_off(arguments, tui):
    assert parse(TrainConfig, arguments, "t").tui is tui


def test_the_language_comes_from_the_flag_or_the_environment(monkeypatch):
    monkeypatch.delenv("EVERYBATCH_LANG", raising=False)
    assert parse(TrainConfig, [], "t").lang == "zh"
    assert parse(TrainConfig, ["--lang", "en"], "t").lang == "en"
    monkeypatch.setenv("EVERYBATCH_LANG", "en_GB")
    assert parse(TrainConfig, [], "t").lang == "en"


def test_without_a_command_or_with_an_unknown_one(capsys, monkeypatch):
    monkeypatch.delenv("EVERYBATCH_LANG", raising=False)
    assert main([]) == 2
    assert "everybatch train" in capsys.readouterr().err
    assert main(["trian"]) == 2
    assert (
        capsys.readouterr().err
        == "错误: 未知命令 trian，可用: train, run, attach, runs, stop, data, analyze, predict\n"
    )


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "data"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
        for i in range(6):
            Image.fromarray(np.zeros((20, 30), np.uint8)).save(folder / name / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--epoch", "3"], "error: unknown flag --epoch, did you mean --epochs?"),
        (["--log-intervall=3"], "error: unknown flag --log-intervall=3, did you mean --log_interval?"),
        (["--xyz"], "error: unknown flag --xyz (everybatch train --help lists all of them)"),
        (["stray"], "error: unknown flag stray (everybatch train --help lists all of them)"),
        (["--epochs", "abc"], "error: --epochs: cannot use 'abc' (expected int)"),
        (["--epochs", "1.5"], "error: --epochs: cannot use '1.5' (expected int)"),
        (["--epochs"], "error: --epochs needs a value"),
        (["--device", "gpu"], "error: --device: cannot use gpu (expected auto, cpu, cuda)"),
        (["--epochs", "0"], "error: --epochs: must be at least 1, got 0"),
        (["--batch_size", "-4"], "error: --batch_size: must be at least 1, got -4"),
        (["--log_interval", "0"], "error: --log_interval: must be at least 1, got 0"),
        (["--lr", "-0.1"], "error: --lr: must be a finite number above 0, got -0.1"),
        (["--lr", "nan"], "error: --lr: must be a finite number above 0, got nan"),
        (["--grad_clip", "inf"], "error: --grad_clip: must be a finite number, 0 or more, got inf"),
        (["--task", "image_folder"], "error: --data: task image_folder needs a folder of pictures:"),
        (["--task", "image_folder", "--data", "nowhere"], "error: --data: no folder nowhere"),
        (["--task", "image_folder", "--data", "."], "error: --data: no folder images"),
        (["--task", "nonsense"], "error: --task: cannot import nonsense (module:Class)"),
        (["--task", "no_such_module:A"], "error: --task: cannot import no_such_module:A (ModuleNotFoundError"),
        (["--task", "mine:Other"], "error: --task: module mine has no Other; its classes: Broken, Empty, Half"),
        (["--task", "mine:Half"], "error: --task: mine:Half lacks val_data(), loss()"),
        (["--task", "mine:Broken"], "error: --task: __init__ of mine:Broken failed (RuntimeError: no disk)"),
        (["--task", "mine:Empty"], "error: --task: the training data of mine:Empty is empty"),
        (["--task", "faulty:A"], "error: --task: cannot import faulty:A (SyntaxError: "),
        (["--nproc", "2000"], "error: --nproc: 2000 ranks are more than 1368 training samples"),
        (["--output_dir", "mine.py/out"], "error: --output_dir: cannot write "),
    ],
)
def test_a_mistake_is_one_clear_line_and_nothing_is_written(arguments, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERYBATCH_LANG", "en")
    methods = "    def model(self): ...\n    def train_data(self): return []\n"
    rest = "    def val_data(self): ...\n    def loss(self, model, batch): ...\n"
    Path("mine.py").write_text(
        f"class Half:\n{methods}class Empty:\n{methods}{rest}"
        f"class Broken(Empty):\n    def __init__(self): raise RuntimeError('no disk')\n"
    )
    Path("faulty.py").write_text("def broken(:\n")
    before = sorted(tmp_path.iterdir())
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    assert main(["train", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(expected)
    assert captured.err.count("\n") == 1
    assert [path for path in sorted(tmp_path.iterdir()) if path.name != "__pycache__"] == before


def one_line(arguments, capsys):
    assert main(["train", "--lang", "en", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_mistakes_in_the_data_are_one_line(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["--task", "image_folder", "--data", str(pictures)]
    Image.new("L", (5, 5)).save(pictures / "masks" / "3.png")
    assert "3.png is 5×5, its picture 30×20" in one_line(arguments, capsys)
    (pictures / "images" / "2.png").write_bytes(b"x")
    assert "cannot read the picture" in one_line(arguments, capsys)
    (pictures / "masks" / "5.png").unlink()
    assert "1 picture has no mask of their name" in one_line(arguments, capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_cuda_without_a_gpu(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "no usable CUDA device" in one_line(["--device", "cuda"], capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_long_command_leaves_the_table_of_runs_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    command = "python train.py " + " ".join(f"--flag{number} {number}" for number in range(50))
    private = replay.make_folder(tmp_path, state="finished")
    replay.write_run_json(private, world_size=1, state="finished", config={"task": command})
    assert main(["runs", "--lang", "en"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert "python train.py --flag0 0 --fla…" in row
    assert head.index("ranks") == row.index("1  ")
    assert main(["runs", "--json"]) == 0
    assert command in capsys.readouterr().out
