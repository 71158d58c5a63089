import errno
import os
import threading
import time
from pathlib import Path

import pytest
from everybatch.log import console
from everybatch.log.console import Console

from ..support import small_files, until


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


@pytest.mark.parametrize("capacity", [100_000, 100])
def test_a_full_disk_passes_and_what_was_left_out_is_known(tmp_path, capacity, monkeypatch):
    monkeypatch.setattr(console, "CAPACITY", capacity)
    with small_files(1000) as limit:
        with (tmp_path / "out").open("w", encoding="utf-8") as stream:
            shown = Console(stream)
            for number in range(500):
                shown.line(f"Epoch [{number}/500] 完成")
                if number == 50:
                    until(lambda: shown.error is not None)
            assert shown.error.errno == errno.EFBIG
            assert not shown.gone
            assert shown.name == str(tmp_path / "out")
            limit(0)
            until(lambda: shown.error is None and shown.has_room)
            shown.line("the end")
            skipped = shown.skipped
            assert shown.close() == skipped
        lines = (tmp_path / "out").read_text().splitlines()
        assert lines[:150] == [f"Epoch [{number}/500] 完成" for number in range(150)]  # torn by nothing
        assert lines[-1] == "the end"
        assert len(lines) + skipped == 501
        assert bool(skipped) == (capacity < 500)


def test_what_a_disk_that_stays_full_swallowed_is_counted(monkeypatch):
    monkeypatch.setattr(console, "CLOSE_SECONDS", 0.2)
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as stream:
        shown = Console(stream)
        for _ in range(10):
            shown.line("x")
        until(lambda: shown.error is not None)
        assert shown.close() == 10
        assert not shown.gone


def test_a_descriptor_that_was_closed_is_gone(pipe):
    _, stream = pipe
    shown = Console(stream)
    fd = os.dup(stream.fileno())
    stream.close()
    shown.line("x")
    until(lambda: shown.gone)
    assert shown.close() == 0
    os.close(fd)
