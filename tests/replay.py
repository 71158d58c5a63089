"""A run that is not there: writes the journal of a made-up run, at a given rate, for the monitor to watch."""

from __future__ import annotations

import json
import math
import random
import socket
import time
from pathlib import Path

from everybatch.metrics.files.journal import encode_record
from everybatch.metrics.records import BatchRecord, EpochStarted, EpochSummary, Notice, RankState, RunStarted
from everybatch.run.liveness import this_boot
from everybatch.run.run_lock import RunLock

BATCHES = 171


def make_folder(root: Path, *, world_size: int = 2, state: str = "running") -> Path:
    """The private folder of a run; one that is `running` is held by this process."""
    private = root / ".everybatch" / "20261124_120000"
    private.mkdir(parents=True)
    write_run_json(private, world_size=world_size, state=state)
    (private / "journal").touch()
    if state == "running":
        RunLock(private).acquire()
    return private


def write_run_json(private: Path, *, world_size: int, state: str = "running", **more: object) -> None:
    """Make the folder one of a run of this machine."""
    content = {
        "run_id": private.name,
        "state": state,
        "host": socket.gethostname(),
        "boot_id": this_boot(),
        "started_at": time.time(),
        "world_size": world_size,
        "config": {"task": "phantoms"},
        **more,
    }
    (private / "run.json").write_text(json.dumps(content))


def records(steps: int, *, world_size: int = 2, epochs: int = 200, seed: int = 0, start: float | None = None):
    """The records of the first `steps` batches of a run, epochs, validation and rank states included."""
    noise = random.Random(seed)
    at = time.time() if start is None else start
    yield RunStarted("20261124_120000", 1, "phantoms", epochs, world_size, "cpu", "gloo", 1, ("dice",), at)
    for step in range(1, steps + 1):
        epoch, batch = 1 + (step - 1) // BATCHES, (step - 1) % BATCHES
        if batch == 0:
            yield EpochStarted(epoch, BATCHES, 20)
        loss = 0.08 + 0.6 * math.exp(-step / 900) + noise.gauss(0, 0.02)
        yield BatchRecord(epoch, batch, step, loss, 0.001, loss - 0.01, loss + 0.01, 0.03, 0.002, 8, 0.03 * step, 1)
        if step % 10 == 0:
            for rank in range(world_size):
                yield RankState(rank, step, loss + 0.01 * rank, 0.03, 0.002, 0.012, at + 0.03 * step)
        if batch == BATCHES - 1:
            val = 0.09 + 0.55 * math.exp(-step / 900)
            yield EpochSummary(
                epoch, loss, loss - 0.03, loss + 0.05, 0.001, 5.6, 0.3, val, 1368, 266.0, 0.4, 0, world_size, 1,
                "completed", at + 0.03 * step, (0.9,), 0.4, BATCHES,
            )  # fmt: skip
            yield Notice("saved_last", "info", {"path": "checkpoints/x/last.pt"}, at=at + 0.03 * step)


def write(private: Path, steps: int, per_second: float, *, world_size: int = 2) -> None:
    """Append the records at a rate of `per_second` batches, or all at once for inf."""
    began = time.monotonic()
    done = 0
    with (private / "journal").open("ab", buffering=0) as journal:
        waiting = b""
        for record in records(steps, world_size=world_size, epochs=max(1, steps // BATCHES + 1)):
            waiting += encode_record(record)
            done += isinstance(record, BatchRecord)
            if len(waiting) > 1 << 16 or done > (time.monotonic() - began) * per_second:
                journal.write(waiting)
                waiting = b""
                while done > (time.monotonic() - began) * per_second:
                    time.sleep(0.02)
        journal.write(waiting)
