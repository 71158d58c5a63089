import resource
import signal
import time

import pytest
from everybatch.metrics.append_file import RETRY_SECONDS, AppendFile


@pytest.fixture
def limited():
    """Lets this process write files of a given size at most: the kernel itself cuts a write short."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size or before[0], before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


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


def test_a_full_disk_costs_nothing_once_there_is_room(tmp_path, limited):
    file = AppendFile(tmp_path / "f")
    limited(10)
    for line in (b"0123456\n", b"abcdefg\n", b"ABCDEFG\n"):
        file.write(line)
    assert file.error is not None
    assert file.unwritten == 14  # the second line was cut after two bytes
    assert (tmp_path / "f").read_bytes() == b"0123456\nab"
    limited(0)
    end = time.monotonic() + 10 * RETRY_SECONDS
    while file.unwritten and time.monotonic() < end:
        file.flush()
    assert file.error is None
    assert (tmp_path / "f").read_bytes() == b"0123456\nabcdefg\nABCDEFG\n"
    assert file.close() == 0


def test_what_is_lost_for_good_is_counted(tmp_path, limited):
    file = AppendFile(tmp_path / "f")
    limited(4)
    file.write(b"0123456\n")
    assert file.close() == 4
