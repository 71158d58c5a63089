import errno
import os
import time

import pytest
from everybatch.metrics.files.append_file import MOST_ROWS, RETRY_SECONDS, AppendFile

from ...support import in_small_files


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
    def work(limit):
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

    in_small_files(10, work)


def test_what_is_lost_for_good_is_counted(tmp_path):
    def work(_):
        file = AppendFile(tmp_path / "f")
        file.write([b"012\n", b"456\n", b"89a\n"])
        assert file.close() == 2

    in_small_files(6, work)


def test_memory_is_bounded_and_what_is_given_up_is_counted(tmp_path):
    rows = [b"%05d\n" % number for number in range(MOST_ROWS + 50)]

    def work(limit):
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

    in_small_files(8, work)


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
