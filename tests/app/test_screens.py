"""What the screen looks like in its main states, kept as pictures in ``screens/``.

``UPDATE_SCREENS=1`` draws them anew; look at each before it is committed.
"""

import asyncio
import math
import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from everybatch.app.monitor import Monitor
from everybatch.log.catalogue import Catalogue
from everybatch.metrics import run_view
from everybatch.metrics.files.journal import encode_record
from everybatch.metrics.records import BatchRecord, Notice, RankState, RunEnded, RunStarted
from everybatch.metrics.system import GpuState, SystemState
from everybatch.run.registry import read_run
from everybatch.widgets import row_text, status
from msgspec.structs import replace

from .. import replay

SCREENS = Path(__file__).parent / "screens"
START = 1_000_000.0
STEPS = 900
NOW = START + 0.03 * STEPS
GIB = 1 << 30


@pytest.fixture(autouse=True)
def _frozen(monkeypatch):
    clock = SimpleNamespace(
        time=lambda: NOW, monotonic=lambda: 0.0, localtime=lambda at=NOW: time.gmtime(at), strftime=time.strftime
    )
    for module in (row_text, run_view, status):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setenv("TZ", "UTC")


def story(name):
    """The records of a run in the state `name`."""
    last = STEPS - 20 if name in ("nan", "failed") else STEPS
    for record in replay.records(last, epochs=20, start=START):
        if isinstance(record, RankState) and name == "straggler" and record.rank == 1:
            yield RankState(1, record.step, record.loss, 0.08, 0.05, 0.07, record.at)
        elif name == "values" and isinstance(record, RunStarted):
            yield replace(record, value_names=("dice", "grad_norm", "肿瘤的Dice（第三类，验证前）", "kl"))
        elif name == "values" and isinstance(record, BatchRecord):
            dice = 0.9 - 0.6 * math.exp(-record.step / 300)
            kl = math.nan if record.step % 300 == 299 else 1e-6 * record.step
            yield replace(record, values=(dice, 1 / (0.1 + record.loss) ** 2, dice / 2, kl))
        elif isinstance(record, BatchRecord) and name == "spike" and record.step == 800:
            yield with_loss(record, 2.31)
            fields = {"epoch": record.epoch, "batch": record.batch, "loss": 2.31, "median": 0.326}
            yield Notice("spike", "warning", fields, record.epoch, record.batch, NOW)
        else:
            yield record
    if name == "nan":
        for step in range(last + 1, STEPS):
            batch = BatchRecord(6, step - 856, step, float("nan"), 0.001, 0.0, 0.0, 0.03, 0.002, 8, 0.03 * step, 1)
            yield batch
            if step == last + 1:
                fields = {"epoch": 6, "batch": batch.batch, "value": "nan", "ranks": "1"}
                yield Notice("nonfinite", "warning", fields, 6, batch.batch, NOW)
    if name == "paused":
        yield Notice("pause_asked", "info", {}, at=NOW)
        yield Notice("pause_taken", "info", {"epoch": 6, "batch": 45}, 6, 45, NOW)
    if name == "straggler":
        yield Notice("straggler", "warning", {"rank": 1, "times": 5.8}, at=NOW)
    if name == "failed":
        trace = 'Traceback (most recent call last):\n  File "my_task.py", line 31, in loss\n'
        cause = trace + "ValueError: 图像是空的 [/red]"
        reason = cause + "\nrank 1 出错: ValueError: 图像是空的 [/red]\nrank 0 只是失去了连接，不是原因"
        yield RunEnded("failed", reason, 5, 5, 0.29, 0.03 * last, NOW)


def with_loss(record, loss):
    return replace(record, loss=loss, max_rank_loss=loss)


async def picture(folder, name, size, lang, theme):
    private = replay.make_folder(folder, state="failed" if name == "failed" else "running")
    (private / "journal").write_bytes(b"".join(map(encode_record, story(name))))
    monitor = Monitor(read_run(private), Catalogue(lang), live=False)
    monitor.theme = theme
    async with monitor.run_test(size=size) as pilot:
        gpu = GpuState(0, 97.0, 18 * GIB, 80 * GIB, 310.0, 61.0)
        gpus = (gpu,) if name == "straggler" else ()
        monitor.system = SystemState(41.0, 16, 42 * GIB, 128 * GIB, (GIB // 3, GIB // 3), gpus)
        for _ in range(3):
            monitor.frame()
            await pilot.pause()
        if name in ("help", "quit"):
            await pilot.press({"help": "question_mark", "quit": "q"}[name])
            await pilot.pause()
        if name == "values":
            await pilot.press("v")
            monitor.frame()
            await pilot.pause()
        return re.sub(r"terminal-\d+", "terminal", monitor.export_screenshot(title="everybatch", simplify=True))


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
@pytest.mark.parametrize("name", ["healthy", "nan", "spike", "straggler", "paused", "failed", "quit", "values"])
def test_the_screen(name, size, tmp_path):
    check(asyncio.run(picture(tmp_path, name, size, "zh", "textual-dark")), f"{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
def test_the_themes(theme, tmp_path):
    check(asyncio.run(picture(tmp_path, "spike", (100, 30), "en", theme)), f"{theme}-100x30")


def test_the_help(tmp_path):
    check(asyncio.run(picture(tmp_path, "help", (100, 38), "en", "textual-dark")), "help-100x38")


def check(svg, name):
    path = SCREENS / f"{name}.svg"
    if os.environ.get("UPDATE_SCREENS"):
        SCREENS.mkdir(exist_ok=True)
        path.write_text(svg, "utf-8")
        return
    assert path.exists(), f"no picture {path}: draw it with UPDATE_SCREENS=1"
    if svg != path.read_text("utf-8"):
        new = path.with_suffix(".new.svg")
        new.write_text(svg, "utf-8")
        pytest.fail(f"the screen changed: compare {new} with {path}")
