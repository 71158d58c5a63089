"""Runs the real thing: commands in processes of their own, in an empty folder, watched until they are gone."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

REPOSITORY = Path(__file__).parent.parent
DEADLINE = 60.0

for number in (signal.SIGHUP, signal.SIGQUIT):  # a suite started in the background has them ignored
    signal.signal(number, signal.SIG_DFL)


def until(condition: Callable[[], object], seconds: float = DEADLINE):
    """Poll `condition` until it is true, and return what it returned."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "the condition was not reached in time"
        time.sleep(0.02)
    return value


def only(folder: Path, pattern: str) -> Path:
    """The one file or folder there is."""
    (path,) = folder.glob(pattern)
    return path


def in_small_files(limit: int, work: Callable[[Callable[[int], None]], None]) -> None:
    """Do `work` in a process that can write files of `limit` bytes at most: the kernel itself cuts a write short.

    `work` gets a function that sets another limit, 0 for none. Its failure is the caller's.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def child() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            work(lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size or hard, hard)))
        except BaseException:
            theirs.send(traceback.format_exc())
        else:
            theirs.send("")

    process = context.Process(target=child)
    process.start()
    failure = ours.recv()
    process.join()
    assert not failure, failure


class Running:
    """A command that runs, with everything it starts."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str], **options) -> None:
        self.folder = folder
        self._mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            command,
            env={
                **os.environ,
                "EVERYBATCH_LANG": "",
                "XDG_STATE_HOME": str(folder / "state"),
                **env,
                "EVERYBATCH_TEST": self._mark,
            },
            text=True,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "cwd": folder,
                **options,
            },
        )

    def family(self) -> list[psutil.Process]:
        """All processes that inherited this command's environment, zombies left out."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("EVERYBATCH_TEST") == self._mark:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def ranks(self) -> list[psutil.Process]:
        """The rank processes, in the order of the ranks: of those that write to a rank's log the oldest."""
        ranks = {}
        for process in sorted(self.family(), key=lambda process: process.create_time(), reverse=True):
            try:
                for file in process.open_files():
                    if (path := Path(file.path)).name.startswith("rank_"):
                        ranks[int(path.stem.removeprefix("rank_"))] = process
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return [ranks[rank] for rank in sorted(ranks)]

    def log(self) -> str:
        """The log file so far."""
        return "".join(path.read_text() for path in self.folder.glob("log/training_*.log"))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = DEADLINE) -> "Finished":
        """Wait for the end; fails if a process is left behind."""
        stdout, stderr = self.process.communicate(timeout=seconds)
        until(lambda: not self.family(), seconds=10)
        return Finished(self.process.returncode, stdout or "", stderr or "", self.folder)

    def end(self) -> None:
        for process in self.family():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()


class Finished:
    """What a command left."""

    def __init__(self, code: int, stdout: str, stderr: str, folder: Path) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.folder = folder

    def batch_lines(self) -> list[str]:
        """The batch lines on the screen."""
        return [line for line in self.stdout.splitlines() if line.startswith("Epoch [") and " - " in line]

    def log_batch_lines(self) -> list[str]:
        """The batch lines in the log file, without their time."""
        lines = [line.split(" ", 2)[2] for line in self.log().splitlines()]
        return [line for line in lines if line.startswith("Epoch [") and " - " in line]

    def log(self) -> str:
        return only(self.folder, "log/training_*.log").read_text()

    def rows(self, kind: str) -> list[dict[str, str]]:
        """The rows of the `epoch` or `batch` CSV file."""
        header, *lines = only(self.folder, f"metrics/{kind}_metrics_*.csv").read_text().splitlines()
        assert all(line.count(",") == header.count(",") for line in lines)
        return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]

    def counted(self) -> int:
        """Rows of the batch CSV, which must be one a step and as many as the lines in the log."""
        rows = self.rows("batch")
        assert len(self.log_batch_lines()) == len(rows)
        assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
        return len(rows)

    def journal(self) -> list:
        from everybatch.metrics.files.journal import JournalReader

        reader = JournalReader(only(self.folder, ".everybatch/*/journal"))
        records = []
        while more := reader.read():
            records += more
        reader.close()
        return records


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start ``everybatch train`` with flags in an empty folder; whatever still runs at the end is killed."""
    started: list[Running] = []

    def begin(*flags: str, env: dict[str, str] | None = None, wrap: tuple[str, ...] = (), **options) -> Running:
        command = [*wrap, sys.executable, str(REPOSITORY / "src" / "train_ddp.py"), *flags]
        running = Running(command, tmp_path, env or {}, **options)
        started.append(running)
        return running

    yield begin
    for running in started:
        running.end()


@pytest.fixture
def train(start) -> Callable[..., Finished]:
    """Run ``everybatch train`` to its end."""
    return lambda *flags, **options: start(*flags, **options).wait()


TINY = '''
"""A task that trains in no time: fit a line, in float64."""
import os, signal, sys, time
import torch
from torch import nn

SAMPLES = int(os.environ.get("TINY_SAMPLES", "96"))

def a_step_that_never_ends():
    time.sleep(3600)

class Tiny:
    def __init__(self):
        random = torch.Generator().manual_seed(7)
        self.x = torch.randn(SAMPLES, 3, generator=random, dtype=torch.float64)
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1
    def model(self):
        return nn.Linear(3, 1).double()
    def train_data(self):
        return torch.utils.data.TensorDataset(torch.arange(SAMPLES), self.x, self.y)
    def val_data(self):
        return None
    def optimizer(self, model, lr):
        return torch.optim.SGD(model.parameters(), lr=lr)
    def loss(self, model, batch):
        index, x, y = batch
        self.step = getattr(self, "step", 0) + 1
        time.sleep(float(os.environ.get("TINY_SECONDS", "0")))
        fault, _, at = os.environ.get("TINY_FAULT", "none@0").partition("@")
        if os.environ["RANK"] == "1" and self.step == int(at):
            if fault == "raise":
                raise ValueError("a fault of rank 1 [/red] \\x1b[31m")
            if fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if fault == "exit":
                os._exit(0)
            if fault == "sys.exit":
                sys.exit(0)
            if fault == "nan":
                x = x * float("nan")
            if fault == "segv":
                os.kill(os.getpid(), signal.SIGSEGV)
            if fault == "hang":
                a_step_that_never_ends()
            if fault == "memory":
                torch.empty(1 << 50)
        return ((model(x).squeeze(1) - y) ** 2).mean()
'''


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[str, ...]:
    """Flags for a quick two-rank run of a user's own task in the current folder."""
    (tmp_path / "tiny.py").write_text(TINY)
    return ("--task", "tiny:Tiny", "--nproc", "2", "--lr", "0.1")
