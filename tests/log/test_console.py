import os
import threading
import time

import pytest
from everybatch.log import console
from everybatch.log.console import Console

from ..support import until


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream, os.fdopen(reader, "rb") as source:
        yield source, stream


def test_lines_come_out_whole_and_in_order(pipe):
    source, stream = pipe
    shown = Console(stream)
    expected = [f"Epoch [{i}/200] 完成" for i in range(5000)]
    got = []
    reading = threading.Thread(target=lambda: got.extend(source.readline() for _ in expected))
    reading.start()
    for line in expected:
        shown.line(line)
    shown.close()
    reading.join(10)
    assert [line.decode() for line in got] == [line + "\n" for line in expected]


def test_a_reader_that_does_not_read_never_holds_up_the_caller(pipe, monkeypatch):
    monkeypatch.setattr(console, "CAPACITY", 2000)
    monkeypatch.setattr(console, "CLOSE_SECONDS", 0.2)
    _, stream = pipe
    shown = Console(stream)
    began = time.monotonic()
    for _ in range(50_000):
        shown.line("x" * 100)
    assert time.monotonic() - began < 5
    assert shown.skipped > 40_000
    assert not shown.gone
    shown.close()


def test_a_reader_that_went_away_is_noticed(pipe):
    source, stream = pipe
    shown = Console(stream)
    source.close()
    until(lambda: shown.line("x") or shown.gone)
    shown.line("y")
    shown.close()
