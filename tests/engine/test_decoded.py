"""Decoded pixels that are kept in files: shared, bounded, and never wrong."""

import os
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pytest
from everybatch.engine.pictures import decoded
from everybatch.engine.pictures.decoded import KEPT_BYTES, Decoded

LARGE = np.arange(KEPT_BYTES, dtype=np.uint8).reshape(1, -1, 256)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a.png").write_bytes(b"first")
    return tmp_path / "a.png"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder in which they are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "everybatch" / "pixels"


def never():
    raise AssertionError("decoded again")


def test_large_pixels_are_decoded_once_for_all_processes(file, kept):
    assert (Decoded().get("picture", (file,), lambda: LARGE) == LARGE).all()
    again = Decoded().get("picture", (file,), never)  # another process has an object of its own
    assert isinstance(again, np.memmap)
    assert (again == LARGE).all()
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0


def test_small_pixels_are_kept_in_memory_only(file, kept):
    pixels = Decoded()
    small = LARGE[:, :2]
    assert pixels.get("picture", (file,), lambda: small) is small
    assert pixels.get("picture", (file,), never) is small
    assert not kept.exists()


def test_a_file_that_has_changed_is_decoded_again(file, kept):
    pixels = Decoded()
    pixels.get("picture", (file,), lambda: LARGE)
    file.write_bytes(b"second, longer")
    assert (pixels.get("picture", (file,), lambda: LARGE + 1) == LARGE + 1).all()


def test_what_is_read_in_another_way_is_another_thing(file, kept):
    pixels = Decoded()
    pixels.get("picture", (file,), lambda: LARGE)
    assert (pixels.get("mask", (file,), lambda: LARGE + 1) == LARGE + 1).all()


def test_the_folder_may_be_removed_at_any_time(file, kept):
    pixels = Decoded()
    mapped = pixels.get("picture", (file,), lambda: LARGE)
    shutil.rmtree(kept)
    assert (mapped == LARGE).all()
    assert (pixels.get("picture", (file,), never) == LARGE).all()
    assert (Decoded().get("picture", (file,), lambda: LARGE) == LARGE).all()
    assert len(list(kept.iterdir())) == 1


def test_a_damaged_file_is_made_anew(file, kept):
    Decoded().get("picture", (file,), lambda: LARGE)
    (only,) = kept.iterdir()
    only.write_bytes(only.read_bytes()[:1000])
    assert (Decoded().get("picture", (file,), lambda: LARGE) == LARGE).all()
    assert (Decoded().get("picture", (file,), never) == LARGE).all()


def test_without_a_place_for_files_pixels_are_given_all_the_same(file, kept, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    assert (Decoded().get("picture", (file,), lambda: LARGE) == LARGE).all()


def test_what_was_not_used_for_longest_makes_room(file, kept, monkeypatch):
    disk = SimpleNamespace(free=100 * LARGE.nbytes)
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda _: disk)
    for number in range(2):
        Decoded().get(str(number), (file,), lambda: LARGE)
    for age, path in zip((9000, 8000), sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime), strict=True):
        os.utime(path, (time.time() - age,) * 2)
    disk.free = 8 * LARGE.nbytes  # a quarter of it, and of what is kept, is two and a half
    Decoded().get("new", (file,), lambda: LARGE)
    with pytest.raises(AssertionError, match="again"):
        Decoded().get("0", (file,), never)
    assert (Decoded().get("1", (file,), never) == LARGE).all()
    assert (Decoded().get("new", (file,), never) == LARGE).all()


def test_what_is_in_use_is_not_removed_and_the_disk_is_left_to_others(file, kept, monkeypatch):
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * LARGE.nbytes))
    Decoded().get("first", (file,), lambda: LARGE)
    assert not list(kept.iterdir())  # a quarter of the disk is less than that
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * LARGE.nbytes))
    Decoded().get("second", (file,), lambda: LARGE)
    Decoded().get("third", (file,), lambda: LARGE)
    assert (Decoded().get("second", (file,), never) == LARGE).all()
    assert len(list(kept.iterdir())) == 1


def test_a_process_maps_no_more_files_than_it_may_open(file, kept, monkeypatch):
    monkeypatch.setattr(decoded, "MAPPED", 3)
    pixels = Decoded()
    for number in range(10):
        pixels.get(str(number), (file,), lambda: LARGE)
    assert len(pixels._arrays) == 3
    assert (pixels.get("0", (file,), never) == LARGE).all()
