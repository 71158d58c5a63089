"""Runs the real thing: commands in processes of their own, in an empty folder, watched until they are gone."""

import contextlib
import os
import re
import resource
import signal
import string
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from everybatch.log.catalogue import TEXTS

REPOSITORY = Path(__file__).parent.parent
DEADLINE = 180.0
"""For what takes seconds: the machine may have much else to do."""
NOBODY = 54_321

for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # a suite started in the background has them ignored
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


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


def said(text: str, key: str, *, lang: str = "zh", **fields: object) -> list[str]:
    """Where `text` has the line `key` of the catalogue with these fields; other fields may be anything."""
    pattern, names = "", set()
    for literal, name, spec, _ in string.Formatter().parse(TEXTS[lang][key]):
        pattern += re.escape(literal)
        if name is not None:
            names.add(name)
            pattern += re.escape(format(fields[name], spec or "")) if name in fields else ".*"
    assert fields.keys() <= names, f"{key} has the fields {names}"
    return re.findall(f"{pattern}$", text, re.MULTILINE)


@contextlib.contextmanager
def small_files(limit: int) -> Iterator[Callable[[int], None]]:
    """Let this process write files of `limit` bytes at most: the kernel itself cuts a write short.

    Gives a function that sets another limit, 0 for none.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def set_limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size or soft, hard))

    set_limit(limit)  # Python ignores SIGXFSZ, so a write that goes too far is an OSError
    try:
        yield set_limit
    finally:
        set_limit(0)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Make this process one of a user who owns nothing and has no entry in the list of users; it must be root's."""
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


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
        until(lambda: not self.family())
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
