import errno
import os
import time
from pathlib import Path

import pytest
from everybatch.metrics.files import append_file, successor
from everybatch.metrics.files.append_file import MOST_ROWS, RETRY_SECONDS, AppendFile

from ...support import small_files, until


def test_what_is_written_is_on_the_disk_at_once(tmp_path):
    file = AppendFile(tmp_path / "f")
    file.write([b"one\n"])
    assert (tmp_path / "f").read_bytes() == b"one\n"
    assert file.close() == 0


def test_an_existing_file_is_appended_to_or_refused(tmp_path):
    (tmp_path / "f").write_bytes(b"old\n")
    file = AppendFile(tmp_path / "f")
    file.write([b"new\n"])
    file.close()
    assert (tmp_path / "f").read_bytes() == b"old\nnew\n"
    with pytest.raises(FileExistsError):
        AppendFile(tmp_path / "f", exclusive=True)


def test_a_full_disk_costs_nothing_once_there_is_room(tmp_path):
    with small_files(10) as limit:
        file = AppendFile(tmp_path / "f")
        file.write([b"0123456\n", b"abcdefg\n"])
        file.write([b"ABCDEFG\n"])
        assert file.error is not None
        assert file.waiting == 2  # the second line was cut after two bytes
        assert (tmp_path / "f").read_bytes() == b"0123456\nab"
        limit(0)
        end = time.monotonic() + 10 * RETRY_SECONDS
        while file.waiting and time.monotonic() < end:
            file.flush()
        assert file.error is None
        assert (tmp_path / "f").read_bytes() == b"0123456\nabcdefg\nABCDEFG\n"
        assert file.close() == 0


def test_what_is_lost_for_good_is_counted(tmp_path):
    with small_files(6):
        file = AppendFile(tmp_path / "f")
        file.write([b"012\n", b"456\n", b"89a\n"])
        assert file.close() == 2


def test_memory_is_bounded_and_what_is_given_up_is_counted(tmp_path):
    rows = [b"%05d\n" % number for number in range(MOST_ROWS + 50)]

    with small_files(8) as limit:
        file = AppendFile(tmp_path / "f")
        for row in rows:
            file.write([row])
        assert file.error is not None
        # one row stands there whole and one in part; that one is completed, so no row is ever torn
        assert (file.waiting, file.lost) == (MOST_ROWS + 1, 48)
        limit(0)
        end = time.monotonic() + 10 * RETRY_SECONDS
        while file.waiting and time.monotonic() < end:
            file.flush()
        assert file.close() == 48
        assert (tmp_path / "f").read_bytes() == b"".join(rows[:2] + rows[50:])


def test_rows_go_on_after_an_error_of_the_device(tmp_path):
    path = tmp_path / "f"
    file = AppendFile(path)
    file.write([b"one\n"])
    good = os.dup(file._fd)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._fd)
    file.write([b"two\n", b"three\n"])
    assert file.error is not None
    assert file.error.errno == errno.ENOSPC
    assert file.waiting == 2
    os.dup2(good, file._fd)
    file.write([b"four\n"])
    assert file.close() == 0
    assert path.read_bytes() == b"one\ntwo\nthree\nfour\n"


# ---- what others do to a file -----------------------------------------------------------------------------


ROWS = [b"%07d,row\n" % number for number in range(2000)]


def goes_on(file, rows):
    """Write some rows, and wait until what was done to the file is made good."""
    file.restored = None
    for row in rows:
        file.write([row])
    until(lambda: file.flush() or file.restored, 10)


@pytest.mark.parametrize("whole", [False, True], ids=["file", "folder"])
@pytest.mark.parametrize("removed", [False, True], ids=["moved", "removed"])
def test_a_file_that_lost_its_name_has_it_again_with_every_row(tmp_path, whole, removed):
    folder = tmp_path / "metrics"
    folder.mkdir()
    path = folder / "f.csv"
    file = AppendFile(path)
    file.write(ROWS[:1000])
    if removed:
        path.unlink()
        if whole:
            folder.rmdir()
    else:
        (folder if whole else path).rename(tmp_path / "elsewhere")
    goes_on(file, ROWS[1000:1500])
    assert file.restored.backup is None
    file.write(ROWS[1500:])
    assert file.close() == 0
    assert path.read_bytes() == b"".join(ROWS)


def test_it_is_noticed_within_a_second(tmp_path):
    file = AppendFile(tmp_path / "f")
    file.write(ROWS)
    (tmp_path / "f").unlink()
    began = time.monotonic()
    until(lambda: file.flush() or (tmp_path / "f").exists(), 5)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("content", "kept"),
    [(b"", False), (b"".join(ROWS[:500]), False), (b"".join(ROWS[:1500]), False), (b"0000001,edited\n", True)],
    ids=["empty", "older copy", "same", "edited"],
)
def test_a_file_that_another_one_took_the_name_of_gets_it_back(tmp_path, content, kept):
    """As editors do that save into a new file, and as logrotate does."""
    path = tmp_path / "f"
    file = AppendFile(path)
    file.write(ROWS[:1500])
    (tmp_path / "new").write_bytes(content)
    (tmp_path / "new").rename(path)
    inode = path.stat().st_ino
    goes_on(file, ROWS[1500:])
    assert file.close() == 0
    assert path.read_bytes() == b"".join(ROWS)
    assert (file.restored.backup == tmp_path / "f.bak") == kept
    assert (path.stat().st_ino == inode) == (not kept)  # so that `tail -f` of an unchanged copy goes on
    if kept:
        assert (tmp_path / "f.bak").read_bytes() == content


def test_a_file_is_moved_again_and_again(tmp_path):
    path = tmp_path / "f"
    file = AppendFile(path)
    for turn in range(4):
        part = ROWS[500 * turn : 500 * (turn + 1)]
        file.write(part[:250])
        path.rename(tmp_path / f"f.{turn}")
        if turn % 2:
            (tmp_path / f"f.{turn}").rename(path)  # and back, before anybody looked
            file.write(part[250:])
        else:
            goes_on(file, part[250:])
    assert file.close() == 0
    assert path.read_bytes() == b"".join(ROWS)


def test_a_large_file_is_copied_while_rows_come(tmp_path, monkeypatch):
    monkeypatch.setattr(append_file, "COPY_SECONDS", 0.0)  # one piece at a time
    monkeypatch.setattr(successor, "CHUNK_BYTES", 1000)
    path = tmp_path / "f"
    file = AppendFile(path)
    file.write(ROWS[:1000])
    path.unlink()
    rows = iter(ROWS[1000:])
    until(lambda: file.flush() or path.exists(), 5)
    while file.restored is None:
        file.write([next(rows)])
        file.flush()
    file.write(rows)
    assert file.close() == 0
    assert path.read_bytes() == b"".join(ROWS)


@pytest.mark.parametrize("length", [0, 500, None])
def test_a_file_that_was_cut_or_written_over_is_damaged_also_when_rows_came_since(tmp_path, length):
    path = tmp_path / "f"
    file = AppendFile(path)
    file.write(ROWS[:1000])
    file.look()
    assert not file.damaged
    if length is None:
        path.write_bytes(b"".join(ROWS[:900]) + b"a comment that makes it longer than it was\n" * 1000)
    else:
        os.truncate(path, length)
    file.write(ROWS[1000:1001])
    file.look()
    assert file.damaged
    stands = path.read_bytes()
    backup = file.start_over()
    assert backup.read_bytes() == stands
    assert path.read_bytes() == b""
    file.write(ROWS)
    file.look()
    assert not file.damaged
    assert file.close() == 0
    assert path.read_bytes() == b"".join(ROWS)


def test_what_others_append_does_no_harm(tmp_path):
    path = tmp_path / "f"
    file = AppendFile(path)
    file.write(ROWS[:10])
    with path.open("ab") as other:
        other.write(b"a note\n")
    file.look()
    file.write(ROWS[10:20])
    file.look()
    assert not file.damaged
    file.close()
    assert path.read_bytes() == b"".join([*ROWS[:10], b"a note\n", *ROWS[10:20]])


def test_a_name_that_cannot_be_had_back_is_trouble_and_loses_nothing_once_it_can(tmp_path):
    folder = tmp_path / "metrics"
    folder.mkdir()
    file = AppendFile(folder / "f")
    file.write(ROWS[:1000])
    (folder / "f").unlink()
    folder.rmdir()
    folder.write_text("a file in the place of the folder")
    until(lambda: file.flush() or file.error, 5)
    file.write(ROWS[1000:])
    folder.unlink()
    until(lambda: file.flush() or file.restored, 5)
    assert file.error is None
    assert file.close() == 0
    assert (folder / "f").read_bytes() == b"".join(ROWS)


def test_rows_whose_file_cannot_come_back_are_counted_as_lost(tmp_path):
    folder = tmp_path / "metrics"
    folder.mkdir()
    file = AppendFile(folder / "f")
    file.write(ROWS[:1000])
    (folder / "f").unlink()
    folder.rmdir()
    folder.write_text("")
    assert file.close() == 1000


def test_what_is_no_file_is_left_alone():
    file = AppendFile(Path("/dev/null"))
    file.write(ROWS)
    file.look()
    assert (file.damaged, file.restored, file.error) == (False, None, None)
    assert file.close() == 0
