"""Training speed with the monitor open against headless: alternated pairs of the default run.

``python tests/bench/monitor_speed.py [PAIRS]`` prints, for each pair, the ratio of the seconds of the epochs after
the first, headless over watched; 1.0 means that watching costs nothing.
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

ROOT = Path(__file__).parent.parent.parent
EPOCHS = 4


def epoch_seconds(folder: Path) -> float:
    """Median of the epochs after the first."""
    (path,) = folder.glob("metrics/epoch_metrics_*.csv")
    with path.open() as file:
        return statistics.median(float(row["epoch_seconds"]) for row in list(csv.DictReader(file))[1:])


def run(*, watched: bool) -> float:
    """Seconds of an epoch of a fresh run."""
    command = [sys.executable, str(ROOT / "src" / "train_ddp.py"), "--epochs", str(EPOCHS)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not watched:
            subprocess.run([*command, "--no-tui"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            return epoch_seconds(folder)
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ["TERM"] = "xterm-256color"
            os.environ.pop("CI", None)
            os.execv(command[0], command)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
        while not any('"finished"' in path.read_text() for path in folder.glob(".everybatch/*/run.json")):
            time.sleep(0.5)
        os.write(terminal, b"\x11")
        os.waitpid(pid, 0)
        os.close(terminal)
        return epoch_seconds(folder)


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        return


def main() -> None:
    """Measure and print."""
    ratios = []
    for pair in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        seconds = {watched: run(watched=watched) for watched in ((False, True) if pair % 2 else (True, False))}
        ratios.append(seconds[False] / seconds[True])
        print(f"headless {seconds[False]:.2f} s, watched {seconds[True]:.2f} s: {ratios[-1]:.3f}", flush=True)
    print(f"median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
