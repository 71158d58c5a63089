"""A command that fails before its first batch: its cause is told in the plain lines and on the screen."""

import re
import sys

import pytest
from everybatch.app.monitor import Monitor
from everybatch.log.catalogue import Catalogue
from everybatch.run.printed import TRACEBACK
from everybatch.run.registry import read_run

from ..support import Running, only, said
from .driver import drive, screen

SCRIPT = """
def load(path):
    raise FileNotFoundError(2, "No such file", path)

print("reading")
load("train/images")
"""
RAISED = "FileNotFoundError: [Errno 2] No such file: 'train/images'"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_cause_is_told_once_in_plain_lines_and_all_of_it_on_the_screen(tmp_path, lang):
    (tmp_path / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "everybatch", "run", "train.py"]
    running = Running(command, tmp_path, {"EVERYBATCH_LANG": lang})
    try:
        done = running.wait()
    finally:
        running.end()
    assert done.code == 1
    output = only(tmp_path, ".everybatch/*/output.log").relative_to(tmp_path)
    why = Catalogue(lang).text("command_exit_printed", code=1, error=RAISED)
    path = Catalogue(lang).text("run_output", path=str(output))
    assert done.stderr.splitlines()[-3:] == [RAISED, why, path]
    assert done.stderr.count(TRACEBACK) == 1
    assert said(done.log(), "command_exit_printed", lang=lang, code=1, error=RAISED)
    assert done.log().count(TRACEBACK) == 1

    async def script(monitor, pilot):
        shown = "\n".join(screen(monitor))
        for line in ("    load(", why[:40], path):
            assert line in shown
        assert re.search(rf"[│ ]{re.escape(RAISED)} *[│┃]", shown)  # a line of its own

    run = read_run(tmp_path / output.parent)
    for size in ((80, 24), (140, 40)):
        drive(Monitor(run, Catalogue(lang), live=False), script, size)
