"""The exception that a command printed last, else its last lines."""

import pytest
from everybatch.run.printed import LAUNCHERS_ERRORS, TRACEBACK, last_printed

FRAME = '  File "train.py", line 3, in load\n    open(path)\n'
RAISED = f"{TRACEBACK}\n{FRAME}FileNotFoundError: [Errno 2] No such file: 'x'\n"
SHOWN = RAISED.splitlines()


def printed(tmp_path, stderr, stdout="", *, file=None):
    output = tmp_path / "output.log"
    output.write_bytes((stdout + stderr if file is None else file).encode())
    found = last_printed(output, [stderr.encode(), stdout.encode()])
    return list(found.lines), found.exception


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (RAISED, SHOWN),
        ("starting\n" + RAISED + "cleaning up\n", SHOWN),
        (RAISED.replace("\n", "\r\n"), SHOWN),
        ("".join(f"[rank1]: {line}\n" for line in SHOWN), SHOWN),
        ("".join(f"\x1b[31m{line}\x1b[0m\n" for line in SHOWN), SHOWN),
        ("  5%|█    | 1/20\r 10%|██   | 2/20\r" + RAISED, SHOWN),
        (RAISED * 2 + f"{TRACEBACK}\n{FRAME}", SHOWN),
        (RAISED + f"{TRACEBACK}\n{FRAME}a.b.{LAUNCHERS_ERRORS[0]}: \n=====\ntrain.py FAILED\n", SHOWN),
        ("x" * (1 << 18) + "\n" + RAISED, SHOWN),
    ],
    ids=["alone", "between", "windows", "of a rank", "coloured", "progress", "torn", "launcher", "long"],
)
def test_the_last_exception_is_found_among_all_that_was_printed(tmp_path, text, lines):
    assert printed(tmp_path, text) == (lines, lines[-1])
    assert printed(tmp_path, "a warning\n", text) == (lines, lines[-1])


def test_a_line_of_the_other_stream_within_a_traceback_does_no_harm(tmp_path):
    mixed = RAISED.replace(FRAME, "epoch 1\n" + FRAME)
    assert printed(tmp_path, RAISED, "epoch 1\n", file=mixed) == (SHOWN, SHOWN[-1])


def test_a_long_traceback_is_shortened_at_its_beginning_and_a_long_message_at_its_end(tmp_path):
    text = f"{TRACEBACK}\n{FRAME * 20}RuntimeError: Error(s) in loading:\n" + "\tMissing key\n" * 50
    lines, exception = printed(tmp_path, text)
    assert lines[:2] == [TRACEBACK, "  …"]
    assert lines[-5:] == ["    open(path)", "RuntimeError: Error(s) in loading:", *["\tMissing key"] * 3]
    assert exception == "RuntimeError: Error(s) in loading:"
    assert len(lines) < 15


def test_without_an_exception_the_last_lines_are_told(tmp_path):
    text = "".join(f"line {number}\n\n" for number in range(20))
    lines, exception = printed(tmp_path, "", text + "loading 1%\rloading 100%")
    assert lines == [*(f"line {number}" for number in range(15, 20)), "loading 100%"]
    assert exception == ""
    assert last_printed(tmp_path / "nothing", []).lines == []
