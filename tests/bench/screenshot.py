"""The picture of the README: a made-up run on the monitor, as SVG. ``python -m tests.bench.screenshot FILE``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from everybatch.app.monitor import Monitor
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.files.journal import encode_record
from everybatch.metrics.records import BatchRecord, Notice
from everybatch.metrics.system import SystemState
from everybatch.run.registry import read_run

from .. import replay

GIB = 1 << 30


def story(steps: int = 1400):
    """A healthy run with one spike."""
    for record in replay.records(steps, epochs=20, start=time.time() - 0.03 * steps):
        if isinstance(record, BatchRecord) and record.step == 1390:
            yield BatchRecord(
                *(0.512 if name == "loss" else getattr(record, name) for name in record.__struct_fields__)
            )
            fields = {"epoch": record.epoch, "batch": record.batch, "loss": 0.512, "median": 0.204}
            yield Notice("spike", "warning", fields, record.epoch, record.batch, time.time())
        else:
            yield record


async def draw(path: Path, size: tuple[int, int], lang: str, theme: str) -> None:
    """Draw the screen into `path`."""
    with tempfile.TemporaryDirectory() as folder:
        private = replay.make_folder(Path(folder))
        (private / "journal").write_bytes(b"".join(map(encode_record, story())))
        run = read_run(private)
        assert run is not None
        monitor = Monitor(run, Catalogue(lang), live=False)
        monitor.theme = theme
        async with monitor.run_test(size=size) as pilot:
            monitor.system = SystemState(92.0, 2, int(3.1 * GIB), 24 * GIB, (GIB // 3, GIB // 3), ())
            for _ in range(3):
                monitor.frame()
                await pilot.pause()
            path.write_text(monitor.export_screenshot(title="everybatch", simplify=True), "utf-8")


if __name__ == "__main__":
    columns, rows = (int(part) for part in (sys.argv[2] if len(sys.argv) > 2 else "140x40").split("x"))
    asyncio.run(
        draw(
            Path(sys.argv[1]),
            (columns, rows),
            sys.argv[3] if len(sys.argv) > 3 else "zh",
            sys.argv[4] if len(sys.argv) > 4 else "textual-dark",
        )
    )
