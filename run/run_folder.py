"""Where the files of a run are."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run under its output folder, as the user gave it."""

    root: Path
    run_id: str

    @classmethod
    def create(cls, root: Path, now: time.struct_time) -> RunFolder:
        """Make the folders of a new run; its id is the time, with a suffix if another run took it.

        Raises `UsageError` when they cannot be made.
        """
        stem = time.strftime("%Y%m%d_%H%M%S", now)
        try:
            for folder in (root / "log", root / "metrics", root / ".everybatch"):
                folder.mkdir(parents=True, exist_ok=True)
            suffix = 1
            while True:
                run = cls(root, stem if suffix == 1 else f"{stem}_{suffix}")
                try:
                    run.private.mkdir(mode=0o700)
                except FileExistsError:
                    suffix += 1
                else:
                    run.checkpoints.mkdir(parents=True)
                    return run
        except OSError as error:
            path = str(error.filename or root)
            raise UsageError("output_dir", path=path, reason=error.strerror or str(error)) from error

    @property
    def log(self) -> Path:
        """Every line."""
        return self.root / "log" / f"training_{self.run_id}.log"

    @property
    def epoch_csv(self) -> Path:
        """A row an epoch."""
        return self.root / "metrics" / f"epoch_metrics_{self.run_id}.csv"

    @property
    def batch_csv(self) -> Path:
        """A row a batch, if asked for."""
        return self.root / "metrics" / f"batch_metrics_{self.run_id}.csv"

    @property
    def checkpoints(self) -> Path:
        """Folder of last.pt and best.pt."""
        return self.root / "checkpoints" / self.run_id

    @property
    def private(self) -> Path:
        """Folder of what only this user may read."""
        return self.root / ".everybatch" / self.run_id

    @property
    def journal(self) -> Path:
        """The source for every watcher."""
        return self.private / "journal"

    def rank_log(self, rank: int) -> Path:
        """What a rank printed, native code included."""
        return self.private / f"rank_{rank}.log"

    def rank_log_tail(self, rank: int, lines: int) -> list[str]:
        """The last lines of a rank's log, [] if it has none."""
        try:
            with self.rank_log(rank).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 200 * lines))
                return file.read().decode("utf-8", "replace").splitlines()[-lines:]
        except OSError:
            return []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from running this run; raises `UsageError` when one does."""
        fd = os.open(self.private / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError("resume_live", run=self.run_id) from None
        except OSError:  # a file system without locks
            pass
        try:
            yield
        finally:
            os.close(fd)

    def write_run_json(self, content: dict[str, Any]) -> None:
        """Replace run.json: config, versions, host, pids and state of the run; raises `OSError`."""
        temporary = self.private / "run.json.tmp"
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n", "utf-8")
        os.replace(temporary, self.private / "run.json")  # noqa: PTH105 - says what it does
