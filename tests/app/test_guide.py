"""What the guide and the READMEs promise, done in a shell as they say it."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..support import REPOSITORY, Running, until

FLAGS = "--task tiny:Tiny --nproc 2 --lr 0.1 --epochs 2"


@pytest.fixture
def shell(tmp_path, tiny):
    """Run a line of shell in a folder where ``python src/train_ddp.py`` is this project's."""
    (tmp_path / "src").symlink_to(REPOSITORY / "src")
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started = []

    def run(line, **options):
        running = Running(["bash", "-c", line], tmp_path, {**env, **options})
        started.append(running)
        return running

    yield run
    for running in started:
        running.end()


def test_grep_finds_every_batch_and_epoch_line(shell):
    done = shell(f'python src/train_ddp.py {FLAGS} 2>&1 | grep "Epoch \\["').wait()
    assert len(done.batch_lines()) == 24
    assert "Epoch [2/2] 完成" in done.stdout.splitlines()


def test_grep_finds_the_saved_models(shell):
    done = shell(f'python src/train_ddp.py {FLAGS} 2>&1 | grep "已保存"').wait()
    lines = done.stdout.splitlines()
    assert 3 <= len(lines) <= 4
    assert all(re.search(r"已保存: checkpoints/.+/(last|best)\.pt$", line) for line in lines)


def test_tee_keeps_the_screen(shell, tmp_path):
    done = shell(f"python src/train_ddp.py {FLAGS} 2>&1 | tee my_training_output.txt").wait()
    assert done.stdout.splitlines()[-1].startswith("最佳epoch: ")
    assert (tmp_path / "my_training_output.txt").read_text() == done.stdout


def test_tail_follows_every_file_while_training_goes_on(shell, tmp_path):
    run = shell(f"python src/train_ddp.py {FLAGS} --epochs 500 --log_batch_metrics", TINY_SECONDS="0.02")
    until(lambda: list(tmp_path.glob("metrics/batch_metrics_*.csv")) and list(tmp_path.glob("log/*.log")))
    tails = {
        pattern: subprocess.Popen(
            ["bash", "-c", f"tail -n +1 -f {pattern}"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        for pattern in ("log/training_*.log", "metrics/epoch_metrics_*.csv", "metrics/batch_metrics_*.csv")
    }
    for tail in tails.values():
        lines = [tail.stdout.readline() for _ in range(3)]
        assert all(line.endswith("\n") for line in lines)
        assert run.process.poll() is None  # the lines came while it runs
        tail.kill()
        tail.communicate()
    (leader,) = [p for p in run.family() if "train_ddp.py" in " ".join(p.cmdline()) and "bash" not in p.name()]
    leader.send_signal(signal.SIGTERM)
    assert run.wait().code == 143


def test_nohup_survives_the_shell_and_its_terminal(tmp_path, tiny):
    (tmp_path / "src").symlink_to(REPOSITORY / "src")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        os.environ["TINY_SECONDS"] = "0.05"
        os.environ["XDG_STATE_HOME"] = str(tmp_path / "state")
        os.execvp("bash", ["bash", "--norc", "-i"])
    os.write(terminal, f"nohup python src/train_ddp.py {FLAGS} --epochs 4 > out.log 2>&1 &\n".encode())
    until(lambda: any("(5/12)" in path.read_text() for path in tmp_path.glob("log/*.log")))
    os.close(terminal)
    os.waitpid(child, 0)
    output = tmp_path / "out.log"
    until(lambda: "最佳epoch" in output.read_text())
    text = output.read_text()
    assert len([line for line in text.splitlines() if " - Batch Loss: " in line]) == 48
    assert "\x1b" not in text
    assert "终端已关闭" not in text


def commands_of(readme):
    blocks = re.findall(r"^```bash\n(.*?)^```", (REPOSITORY / readme).read_text("utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


COMMANDS = commands_of("README.md")


def test_both_readmes_have_the_same_commands_and_flags():
    assert commands_of("README.zh-CN.md") == COMMANDS
    flags = [
        re.findall(r"^\| `(--[a-z_-]+)", (REPOSITORY / name).read_text("utf-8"), re.M)
        for name in ("README.md", "README.zh-CN.md")
    ]
    assert flags[0] == flags[1]


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith(("make", "python3", ".venv"))])
def test_set_up_commands_name_what_exists(command):
    """Running them is what CI does before it comes here."""
    words = command.split()
    if words[0] == "make":
        subprocess.run(["make", "-n", *words[1:]], cwd=REPOSITORY, check=True, capture_output=True)
    for word in words:
        if word.endswith((".txt", ".py")):
            assert (REPOSITORY / word).is_file()


@pytest.mark.parametrize(
    "command",
    [
        line
        for line in COMMANDS
        if re.search(r"^[^.].*train_ddp.py|^everybatch train", line)
        if "--resume" not in line
    ],
)
def test_every_training_command_of_the_readme_works(command, shell, tmp_path):
    if "--data DIR" in command:
        _make_pictures(tmp_path / "DIR")
    (tmp_path / "my_file.py").write_text(
        "import torch\nx = torch.randn(96, 3)\ny = x.sum(1)\n"
        + re.search(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text("utf-8"), re.S)[1]
    )
    quick = "--epochs 1" if "--task" in command else "--epochs 1 --task tiny:Tiny"
    line = re.sub(r"(train_ddp\.py|everybatch train)", rf"\1 {quick}", re.sub(r"--epochs \d+", "", command))
    if line.endswith("&"):
        line += " wait"
    done = shell(f"set -o pipefail; {line}").wait()
    assert done.code == 0, done.stdout + done.stderr
    if "--help" not in command:
        assert "训练完成: 1/1 个epoch" in done.log()
        assert len(list(tmp_path.glob("metrics/batch_metrics_*.csv"))) == ("--log_batch_metrics" in command)


def test_the_commands_that_resume_work(shell, tmp_path):
    newest, named = [line for line in COMMANDS if "--resume" in line]
    assert shell(f"python src/train_ddp.py {FLAGS} --epochs 1").wait().code == 0
    assert shell(f"{newest} --epochs 2").wait().code == 0
    (run,) = tmp_path.glob(".everybatch/*")
    done = shell(re.sub(r"\d{8}_\d+", run.name[:13], named) + " --epochs 3").wait()
    assert done.code == 0, done.stderr
    assert len(done.rows("epoch")) == 3


def test_the_commands_that_analyse_work(shell, tmp_path):
    (tmp_path / "analyze_training.py").symlink_to(REPOSITORY / "analyze_training.py")
    commands = [line for line in COMMANDS if "analyze" in line]
    assert len(commands) == 5
    for _ in range(2):
        assert shell(f"python src/train_ddp.py {FLAGS} --log_batch_metrics").wait().code == 0
    runs = sorted(path.name for path in tmp_path.glob(".everybatch/*"))
    for command in commands:
        words = command.split()
        named = [words.index(word) for word in words if word.startswith("2026")]
        for place, run in zip(named, runs, strict=False):
            words[place] = run
        done = shell(" ".join(words)).wait()
        assert (done.code, done.stderr) == (0, "")
        assert ("发现" in done.stdout) != ("--json" in command)
    assert "分不出高下" in done.stdout or len(list(tmp_path.glob("metrics/comparison_*.png"))) == 1
    assert len(list(tmp_path.glob("metrics/analysis_*.png"))) == 2


def _make_pictures(folder):
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
        for i in range(10):
            Image.fromarray(random.integers(0, 256, (128, 128), np.uint8)).save(folder / name / f"{i}.png")


def test_tails_of_the_readme_name_files_that_a_run_makes(shell, tmp_path):
    shell(f"python src/train_ddp.py {FLAGS}").wait()
    for command in COMMANDS:
        if command.startswith("tail -f"):
            assert list(tmp_path.glob(command.removeprefix("tail -f ")))


def test_the_commands_for_runs_of_the_readme_work(shell, tmp_path):
    assert [line for line in COMMANDS if re.match("everybatch (?!train|analyze)", line)] == [
        "everybatch attach",  # tests/app/test_terminal.py
        "everybatch runs",
        "everybatch runs --json",
        "everybatch stop",
    ]
    run = shell(f"exec python src/train_ddp.py {FLAGS} --epochs 1000", TINY_SECONDS="0.02")
    until(lambda: "(5/12)" in run.log())
    listed = shell("everybatch runs").wait().stdout.splitlines()
    assert listed[0].split() == ["运行", "状态", "任务", "进程", "开始时间", "目录"]
    assert "训练中" in listed[1]
    assert '"state": "running"' in shell("everybatch runs --json").wait().stdout
    assert "保存并停止" in shell("everybatch stop").wait().stdout
    done = run.wait()
    assert done.code == 0  # stopped from outside is no failure
    assert "已停止" in shell("everybatch runs").wait().stdout
    again = shell("everybatch stop").wait()
    assert again.code == 2
    assert "无法停止" in again.stderr
