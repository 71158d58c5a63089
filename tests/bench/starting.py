"""Time from the command to the first batch, to the monitor's first paint, and of ``--help``.

``python -m tests.bench.starting [ROUNDS]``
"""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from .results import ROOT, save

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
OURS = [sys.executable, str(ROOT / "src" / "train_ddp.py"), "--nproc", "2"]


def first_batch_bare() -> float:
    """Of the plain script under torchrun."""
    began = time.time()
    done = subprocess.run(
        [*TORCHRUN, str(ROOT / "tests" / "bench" / "bare_ddp.py"), "1"], capture_output=True, text=True, check=True
    )
    return next(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("first")) - began


def first_batch_ours() -> float:
    """Of ``everybatch train --no-tui``, up to the line of the first batch."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        process = subprocess.Popen([*OURS, "--no-tui"], cwd=folder, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        while "Batch Loss" not in process.stdout.readline():
            pass
        seconds = time.time() - began
        for number in (signal.SIGINT, signal.SIGINT):
            process.send_signal(number)
            time.sleep(0.2)
        process.communicate()
        return seconds


def first_paint() -> tuple[float, float]:
    """Of ``everybatch train`` in a terminal: its first word, and the first batch in the monitor."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ["TERM"] = "xterm-256color"
            os.environ.pop("CI", None)
            os.execv(OURS[0], OURS)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        seen, word = b"", 0.0
        while b"Batch Loss" not in seen:
            seen += os.read(terminal, 1 << 16)
            word = word or time.time() - began
        shown = time.time() - began
        for path in Path(folder).glob(".everybatch/*/run.json"):
            subprocess.run(
                [sys.executable, "-m", "everybatch", "stop", str(path.parent)], check=False, capture_output=True
            )
        os.kill(pid, signal.SIGTERM)
        os.close(terminal)
        os.waitpid(pid, 0)
        while not any('"stopped"' in path.read_text() for path in Path(folder).glob(".everybatch/*/run.json")):
            time.sleep(0.2)
        return word, shown


def help_seconds() -> float:
    """Of ``everybatch train --help``."""
    began = time.time()
    subprocess.run([*OURS, "--help"], capture_output=True, check=True)
    return time.time() - began


def main() -> None:
    """Measure in turns and keep the result."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows = []
    for _ in range(rounds):
        word, shown = first_paint()
        rows.append(
            {
                "bare": first_batch_bare(),
                "headless": first_batch_ours(),
                "word": word,
                "watched": shown,
                "help": help_seconds(),
            }
        )
        print({key: round(value, 2) for key, value in rows[-1].items()}, flush=True)
    print(f"headless over bare: {statistics.median(row['headless'] / row['bare'] for row in rows):.2f}")
    save("starting", rows)


if __name__ == "__main__":
    main()
