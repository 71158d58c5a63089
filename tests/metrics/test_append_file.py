import time

import pytest
from everybatch.metrics.append_file import RETRY_SECONDS, AppendFile

from ..conftest import in_small_files


def test_what_is_written_is_on_the_disk_at_once(tmp_path):
    file = AppendFile(tmp_path / "f")
    file.write(b"one\n")
    assert (tmp_path / "f").read_bytes() == b"one\n"
    assert file.close() == 0


def test_an_existing_file_is_appended_to_or_refused(tmp_path):
    (tmp_path / "f").write_bytes(b"old\n")
    file = AppendFile(tmp_path / "f")
    file.write(b"new\n")
    file.close()
    assert (tmp_path / "f").read_bytes() == b"old\nnew\n"
    with pytest.raises(FileExistsError):
        AppendFile(tmp_path / "f", exclusive=True)


def test_a_full_disk_costs_nothing_once_there_is_room(tmp_path):
    def work(limit):
        file = AppendFile(tmp_path / "f")
        for line in (b"0123456\n", b"abcdefg\n", b"ABCDEFG\n"):
            file.write(line)
        assert file.error is not None
        assert file.unwritten == 14  # the second line was cut after two bytes
        assert (tmp_path / "f").read_bytes() == b"0123456\nab"
        limit(0)
        end = time.monotonic() + 10 * RETRY_SECONDS
        while file.unwritten and time.monotonic() < end:
            file.flush()
        assert file.error is None
        assert (tmp_path / "f").read_bytes() == b"0123456\nabcdefg\nABCDEFG\n"
        assert file.close() == 0

    in_small_files(10, work)


def test_what_is_lost_for_good_is_counted(tmp_path):
    def work(_):
        file = AppendFile(tmp_path / "f")
        file.write(b"0123456\n")
        assert file.close() == 4

    in_small_files(4, work)
