"""What the user's guide promises, done in a shell as it says it."""

import os
import pty
import sys
from pathlib import Path

from ..support import REPOSITORY, until

FLAGS = "--task tiny:Tiny --nproc 2 --lr 0.1 --epochs 2"


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
