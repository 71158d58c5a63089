"""Where the files of a run are."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run under its output folder, as the user gave it."""

    root: Path
    run_id: str

    @classmethod
    def create(cls, root: Path, now: time.struct_time, *, saves: bool = True) -> RunFolder:
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
                    if saves:
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

    @property
    def output(self) -> Path:
        """What somebody's own command printed."""
        return self.private / "output.log"

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
