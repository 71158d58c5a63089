"""What the user's guide promises, done in a shell as it says it."""

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
