"""Speed of two-rank and one-rank DDP, bare against everybatch headless and watched: ``python -m
tests.bench.training_speed [ROUNDS]``.

The three ways take turns in an order that changes each round; a round gives two ratios, bare over ours, of the
training seconds of an epoch (median of the epochs after the first). 1.0 means no cost. Ranks fill every core of a
two-core machine when there are two of them; with one, a core is idle.
"""

from __future__ import annotations

import csv
import fcntl
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from .results import ROOT, save

EPOCHS = 4
WAYS = ("bare", "headless", "watched")


def bare(ranks: int) -> float:
    """Seconds of an epoch of the plain script."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    done = subprocess.run(
        [*torchrun, str(ROOT / "tests" / "bench" / "bare_ddp.py"), str(EPOCHS)],
        capture_output=True, text=True, check=True, env=_one_thread(ranks),
    )  # fmt: skip
    return statistics.median(float(line.split()[1]) for line in done.stdout.splitlines() if "epoch" in line)


def ours(ranks: int, *, watched: bool) -> float:
    """Training seconds of an epoch of ``everybatch train``."""
    command = [sys.executable, str(ROOT / "src" / "train_ddp.py"), "--epochs", str(EPOCHS), "--nproc", str(ranks)]
    command += ["--log_batch_metrics"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not watched:
            subprocess.run(
                [*command, "--no-tui"], cwd=folder, check=True, stdout=subprocess.DEVNULL, env=_one_thread(ranks)
            )
            return _epoch_seconds(folder)
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ.update(_one_thread(ranks), TERM="xterm-256color")
            os.environ.pop("CI", None)
            os.execv(command[0], command)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
        while not any('"finished"' in path.read_text() for path in folder.glob(".everybatch/*/run.json")):
            time.sleep(0.5)
        os.write(terminal, b"\x11")
        os.waitpid(pid, 0)
        os.close(terminal)
        return _epoch_seconds(folder)


def _one_thread(ranks: int) -> dict[str, str]:
    """One thread a rank, whoever starts it: torchrun would set it, and a single rank would take both cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1"} if ranks else dict(os.environ)


def _epoch_seconds(folder: Path) -> float:
    """Median of the sums of the steps, validation and the first epoch left out."""
    (path,) = folder.glob("metrics/batch_metrics_*.csv")
    seconds: dict[int, float] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            seconds[int(row["epoch"])] = seconds.get(int(row["epoch"]), 0.0) + float(row["step_seconds"])
    return statistics.median(seconds[epoch] for epoch in sorted(seconds))


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        return


def main() -> None:
    """Measure and keep the result."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows = []
    for ranks in (1, 2):
        for number in range(rounds):
            order = WAYS[number % 3 :] + WAYS[: number % 3]
            seconds = {
                way: bare(ranks) if way == "bare" else ours(ranks, watched=way == "watched") for way in order
            }
            row = {"ranks": ranks, "round": number, **seconds}
            rows.append(row)
            told = ", ".join(f"{way} {seconds['bare'] / seconds[way]:.3f}" for way in WAYS[1:])
            print(f"{ranks} ranks, bare {seconds['bare']:.2f} s; {told}", flush=True)
    save("training_speed", rows)


if __name__ == "__main__":
    main()
