import re

from everybatch.log.log_file import LogFile


def test_every_line_has_a_time_in_front_even_those_of_a_traceback(tmp_path):
    log = LogFile(tmp_path / "training.log")
    log.line("Epoch [1/2] 完成")
    log.line("Traceback\n  File\nValueError")
    log.flush()
    lines = (tmp_path / "training.log").read_text("utf-8").splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", "", line) for line in lines] == [
        "Epoch [1/2] 完成",
        "Traceback",
        "  File",
        "ValueError",
    ]


def test_text_that_is_no_valid_unicode_is_kept_readable(tmp_path):
    log = LogFile(tmp_path / "training.log")
    log.line("a\udcff")
    log.close()
    assert (tmp_path / "training.log").read_text("utf-8").endswith("a\\udcff\n")
