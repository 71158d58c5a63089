"""The pages in docs/: every command is run, every table is what the code says, every figure has its source."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from everybatch.app.analyze_flags import AnalyzeConfig
from everybatch.app.data_flags import DataConfig
from everybatch.app.keys import help_lines
from everybatch.app.predict_flags import PredictConfig
from everybatch.engine.config import TrainConfig
from everybatch.metrics.files.csv_rows import BATCH_COLUMNS, EPOCH_COLUMNS
from PIL import Image

from ..markdown import blocks, commands, shape
from ..support import REPOSITORY, Running, until
from .terminal import Terminal

DOCS = REPOSITORY / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md") if not path.name.endswith(".zh-CN.md"))
COMMANDS = [command for page in PAGES for command in commands(DOCS / page)]
KINDS = {
    "help": r"everybatch \w+ --help",
    "resume": r"python src/train_ddp\.py --resume\b.*",
    "train": r"(nohup )?(python src/train_ddp\.py|everybatch train)\b.*",
    "data": r"everybatch data\b.*",
    "analyze": r"(python analyze_training\.py|everybatch analyze)\b.*",
    "predict": r"everybatch predict\b.*",
    "attach": r"everybatch attach\b.*",
    "runs": r"everybatch (runs|stop)\b.*",
    "tail": r"tail -f .*",
    "run": r"everybatch run\b.*",
    "clean": r"make clean-runs",
}
"""Each kind has a test that runs its commands; clean-runs has its own in tests/test_repository.py."""
FLAGS = "--task tiny:Tiny --nproc 2 --lr 0.1 --epochs 2"


def kind_of(command):
    return next((kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, command)), None)


def of_kind(kind):
    return [command for command in COMMANDS if kind_of(command) == kind]


@pytest.fixture
def shell(tmp_path, tiny):
    """Run a line in a shell in which the README's environment is activated, in a folder of its own."""
    for name in ("src", "analyze_training.py"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started = []

    def run(line, **options):
        running = Running(["bash", "-c", f"set -o pipefail; {line}"], tmp_path, {**env, **options})
        started.append(running)
        return running

    yield run
    for running in started:
        running.end()


# ---- the pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_the_same_in_both_languages(page):
    english, chinese = DOCS / page, DOCS / page.replace(".md", ".zh-CN.md")
    assert commands(english) == commands(chinese)
    assert blocks(english, "python") == blocks(chinese, "python")
    assert shape(english)[2:] == shape(chinese)[2:]  # but for the links to the other language
    for number in re.findall(r"\d[\d,.]*\d|\d", english.read_text("utf-8")):
        assert number in chinese.read_text("utf-8"), number


def test_every_page_is_in_the_index_of_the_readme():
    for readme, end in (("README.md", ".md"), ("README.zh-CN.md", ".zh-CN.md")):
        table = (REPOSITORY / readme).read_text("utf-8")
        for page in PAGES:
            assert f"| [docs/{page.replace('.md', end)}]" in table


def test_every_command_is_run_by_a_test_of_its_kind():
    assert [command for command in COMMANDS if kind_of(command) is None] == []
    assert all(of_kind(kind) for kind in KINDS)


@pytest.mark.parametrize("page", ["flags.md", "flags.zh-CN.md"])
def test_the_flags_and_their_defaults_are_those_of_the_code(page):
    rows = re.findall(r"^\| `(--[\w-]+)` \| (\S*) ?\|", (DOCS / page).read_text("utf-8"), re.M)
    expected = [_row(field) for field in dataclasses.fields(TrainConfig)]
    for kind in (DataConfig, AnalyzeConfig, PredictConfig):
        expected += [_row(field) for field in dataclasses.fields(kind) if not field.metadata.get("positional")]
    assert sorted(rows) == sorted(expected)


def _row(field):
    default = field.default_factory() if field.default is dataclasses.MISSING else field.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    if field.name == "lang":
        default = "zh"
    return f"--{field.name}", "" if default is None else f"{default:g}" if isinstance(default, float) else str(
        default
    )


@pytest.mark.parametrize("page", ["files.md", "files.zh-CN.md"])
def test_the_columns_are_those_of_the_csv_files(page):
    text = (DOCS / page).read_text("utf-8")
    _, epochs, batches = re.split(r"^`(?:epoch|batch)_metrics_<id>\.csv`.*$", text, flags=re.M)
    assert _columns(epochs)[:-2] == list(EPOCH_COLUMNS)
    assert _columns(batches.partition("\n## ")[0])[: len(BATCH_COLUMNS)] == list(BATCH_COLUMNS)


def _columns(text):
    cells = re.findall(r"^\| (`.*?) \|", text, re.M)
    return [name for cell in cells for name in re.findall(r"`(.*?)`", cell)]


@pytest.mark.parametrize("page", ["monitor.md", "monitor.zh-CN.md"])
def test_the_keys_are_those_of_the_monitor(page):
    cells = re.findall(r"^\| (`.*?) \|", (DOCS / page).read_text("utf-8"), re.M)
    told = [key.replace("Ctrl-", "^").lower() for cell in cells for key in re.findall(r"`(.*?)`", cell)]
    bound = [key.lower() for keys, _ in help_lines() for key in keys.split()]
    assert sorted(told) == sorted(bound)


@pytest.mark.parametrize("page", ["docs/costs.md", "docs/costs.zh-CN.md", "README.md", "README.zh-CN.md"])
def test_every_figure_of_the_costs_is_one_of_the_benchmarks(page):
    text = (REPOSITORY / page).read_text("utf-8")
    if page.startswith("README"):
        text = re.search(r"^## (?:What it costs|开销)\n(.*?)^## ", text, re.M | re.S)[1]
    number = r"(?<![\w-])\d+(?:,\d{3})*(?:\.\d+)?"
    measured = set(re.findall(number, (REPOSITORY / "BENCHMARKS.md").read_text("utf-8")))
    figures = re.findall(number, text)
    assert len([figure for figure in figures if "." in figure]) >= 10
    assert [figure for figure in figures if figure not in measured] == []


# ---- the commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", of_kind("run"))
def test_the_commands_that_run_a_script_work(command, shell, tmp_path):
    scripts = REPOSITORY / "tests" / "scripts"
    (tmp_path / "common.py").symlink_to(scripts / "common.py")
    (tmp_path / "train.py").symlink_to(scripts / ("ddp.py" if "torchrun" in command else "own_loop.py"))
    done = shell(command, PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])).wait()
    assert done.code == 0, done.stderr
    assert len(done.batch_lines()) == (10 if "torchrun" in command else 15)


def test_the_commands_for_help_work(shell):
    for command in of_kind("help"):
        done = shell(command).wait()
        assert (done.code, done.stderr) == (0, "")
        assert "--lang" in done.stdout


@pytest.mark.parametrize("command", of_kind("train"))
def test_the_commands_that_train_work(command, shell, tmp_path):
    if "--data DIR" in command:
        _make_pictures(tmp_path / "DIR")
    (example,) = blocks(DOCS / "tasks.md", "python")
    (tmp_path / "my_file.py").write_text(f"import torch\nx = torch.randn(96, 3)\ny = x.sum(1)\n{example}")
    quick = "--epochs 1" if "--task" in command else "--epochs 1 --task tiny:Tiny"
    line = re.sub(r"(train_ddp\.py|everybatch train)", rf"\1 {quick}", re.sub(r"--epochs \d+", "", command))
    if line.endswith("&"):
        line += " wait"
    done = shell(line).wait()
    assert done.code == 0, done.stdout + done.stderr
    folder = tmp_path / "results" if "--output_dir results" in command else tmp_path
    (log,) = folder.glob("log/training_*.log")
    ended = "Training finished: 1/1 epochs" if "--lang en" in command else "训练完成: 1/1 个epoch"
    assert ended in log.read_text("utf-8")
    assert len(list(folder.glob("metrics/batch_metrics_*.csv"))) == ("--log_batch_metrics" in command)
    if 'grep "Epoch' in command:
        assert len(done.batch_lines()) == 12
        assert "Epoch [1/1] 完成" in done.stdout.splitlines()
    if 'grep "已保存"' in command:
        saved = [
            re.search(r"已保存: checkpoints/.+/(last|best)\.pt$", line)[1] for line in done.stdout.splitlines()
        ]
        assert sorted(saved) == ["best", "last"]
    if "tee" in command:
        assert (tmp_path / "my_training_output.txt").read_text("utf-8") == done.stdout
    if "nohup" in command:
        assert ended in (tmp_path / "training_output.log").read_text("utf-8")


def _make_pictures(folder):
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
        for i in range(10):
            Image.fromarray(random.integers(0, 256, (128, 128), np.uint8)).save(folder / name / f"{i}.png")


def test_the_commands_that_look_at_pictures_work(shell, tmp_path):
    _make_pictures(tmp_path / "DIR")
    for command in of_kind("data"):
        done = shell(command).wait()
        assert (done.code, done.stderr) == (0, "")
        assert Image.open(tmp_path / "data_DIR.png").width > 1000


def test_the_commands_that_predict_work(shell, tmp_path, trained):
    shutil.copytree(trained("binary"), tmp_path / "run", symlinks=True)
    (tmp_path / "run" / "data" / "images").rename(tmp_path / "pictures")
    (run,) = (tmp_path / "run").glob("checkpoints/*")
    for command in of_kind("predict"):
        done = shell(re.sub(r"\d{8}_\d+", str(run), command)).wait()
        assert (done.code, done.stderr) == (0, "")
        assert len(list((tmp_path / "masks").iterdir())) == 2 * len(list((tmp_path / "pictures").iterdir()))


def test_the_commands_that_resume_work(shell, tmp_path):
    newest, named = of_kind("resume")
    assert shell(f"python src/train_ddp.py {FLAGS} --epochs 1").wait().code == 0
    assert shell(f"{newest} --epochs 2").wait().code == 0
    (run,) = tmp_path.glob(".everybatch/*")
    done = shell(re.sub(r"\d{8}_\d+", run.name[:13], named) + " --epochs 3").wait()
    assert done.code == 0, done.stderr
    assert len(done.rows("epoch")) == 3


def test_the_commands_that_analyse_work(shell, tmp_path):
    for _ in range(2):
        assert shell(f"python src/train_ddp.py {FLAGS} --log_batch_metrics").wait().code == 0
    runs = sorted(path.name for path in tmp_path.glob(".everybatch/*"))
    for command in of_kind("analyze"):
        words = command.split()
        named = [words.index(word) for word in words if word.startswith("2026")]
        for place, run in zip(named, runs, strict=False):
            words[place] = run
        done = shell(" ".join(words)).wait()
        assert (done.code, done.stderr) == (0, "")
        assert ("发现" in done.stdout) != ("--json" in command)
    assert len(list(tmp_path.glob("metrics/analysis_*.png"))) == 2
    assert len(list(tmp_path.glob("metrics/analysis_*.html"))) == 1
    assert len(list(tmp_path.glob("metrics/comparison_*.png"))) == 1


def test_the_commands_that_follow_files_show_lines_while_the_training_goes_on(shell, tmp_path):
    flags = f"{FLAGS} --epochs 1000 --log_batch_metrics --lang en"
    training = shell(f"exec python src/train_ddp.py {flags}", TINY_SECONDS="0.01")
    until(lambda: "Epoch [2/1000]" in training.log())
    for command in of_kind("tail"):
        follow = subprocess.Popen(
            ["bash", "-c", command], cwd=tmp_path, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            lines = [follow.stdout.readline() for _ in range(3)]
            assert all(line.endswith("\n") for line in lines)
            assert all("Epoch [" in line for line in lines) or "grep" not in command
            assert training.process.poll() is None
        finally:
            os.killpg(follow.pid, signal.SIGKILL)
            follow.communicate()


def _logs_with(folder, text):
    return sum(text in path.read_text("utf-8") for path in folder.glob("log/training_*.log"))


def test_the_commands_for_runs_work(shell, tmp_path):
    line = f"exec python src/train_ddp.py {FLAGS} --nproc 1 --epochs 1000"
    trainings = []
    for count in (1, 2):
        trainings.append(shell(line, TINY_SECONDS="0.02"))
        until(lambda count=count: _logs_with(tmp_path, "(5/24)") == count)
    first, second = sorted(path.name for path in tmp_path.glob(".everybatch/*"))
    table, as_json, stop_newest, stop_named = of_kind("runs")

    listed = shell(table).wait().stdout.splitlines()
    assert listed[0].split() == ["运行", "状态", "任务", "进程", "开始时间", "目录"]
    assert ["训练中" in line for line in listed[1:]] == [True, True]
    runs = json.loads(shell(as_json).wait().stdout)
    assert [(run["run"], run["state"]) for run in runs] == [(first, "running"), (second, "running")]

    for command in of_kind("attach"):
        _, *arguments = [first if word.startswith("2026") else word for word in command.split()]
        seen = Terminal([sys.executable, "-m", "everybatch", *arguments], tmp_path)
        try:
            seen.shows("Batch Loss")
            seen.type("\x11")
            assert seen.wait() == 0
        finally:
            seen.kill()
        assert f"everybatch attach {first if first in arguments else second}" in seen.text()

    assert second in shell(stop_newest).wait().stdout
    assert first in shell(re.sub(r"\d{8}_\d+", first, stop_named)).wait().stdout
    assert [training.wait().code for training in trainings] == [0, 0]  # stopped from outside is no failure
    again = shell(stop_newest).wait()
    assert again.code == 2
    assert "无法停止" in again.stderr
