"""``everybatch data`` as a person runs it."""

import contextlib
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from everybatch.engine.pictures.folder import read_folder
from everybatch.log.catalogue import Catalogue
from PIL import Image
from rich.cells import cell_len

from ..support import Running, until
from .scans import GREY, HEIGHT, NAMES, WIDTH, mask_of, rows
from .terminal import Terminal

ESCAPE = "\x1b"


@pytest.fixture
def terminal(tmp_path):
    """Run it on a terminal to its end; what came."""
    opened = []

    def run(*arguments, size, lang="en", python=("-m", "everybatch"), **env):
        command = [sys.executable, *python, "data", *map(str, arguments), "--lang", lang]
        seen = Terminal(
            ["sh", "-c", 'sleep 0.5; exec "$@"', "sh", *command], tmp_path, size=size, env={"COLUMNS": "", **env}
        )
        opened.append(seen)
        assert seen.wait() == 0, seen.output
        return seen

    yield run
    for seen in opened:
        seen.kill()
        seen.close()


# ---- the report -------------------------------------------------------------------------------------------


def test_the_tables_say_what_is_in_the_pictures(scans, data):
    done = data(scans, "--classes", NAMES)
    assert (done.code, done.stderr) == (0, "")
    found = rows(done.stdout)
    assert found["sizes"] == ["90×60 (10)"]
    assert found["for validation"] == ["2 pictures, 1 of 5 by name: 04, 09"]
    assert found["training"] == ["8", "8", "35.3%", "0"]  # 32 % liver in all, 6.7 % tumour in 4 of 8
    assert found["validation"] == ["2", "2", "35.3%", "0"]
    assert found["liver"] == ["1", "32.0%", "32.0%", "8/8", "2/2"]
    assert found["tumour"] == ["2", "3.3%", "3.3%", "4/8", "1/2"]
    assert found["background"] == ["0", "64.7%", "64.7%", "8/8", "2/2"]
    assert ESCAPE not in done.stdout
    assert "▀" not in done.stdout


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_says_what_a_training_says_and_what_is_left_out_last(scans, data, lang):
    done = data(scans, lang=lang)
    lines = done.stdout.splitlines()
    told = [Catalogue(lang).text(key, **fields) for key, fields in read_folder(scans).said()]
    assert len(told) == 6
    left_out = [line for line in told if "notes.txt" in line or "99.png" in line]
    assert lines[-2:] == [f"▲ {line}" for line in left_out]
    assert lines[: len(told) - 2] == [line for line in told if line not in left_out]


def test_a_class_that_cannot_be_learnt_or_judged_is_said(scans, data):
    for number in (4, 9):
        Image.fromarray(mask_of(1)).save(scans / "masks" / f"{number:02}.png")
    done = data(scans, "--classes", f"{NAMES}, kidney=3")
    ends = [line for line in done.stdout.splitlines() if line.startswith("▲ Note")]
    assert [(line.split()[2], "validate" in line) for line in ends] == [
        ("tumour", True),
        ("kidney", False),
        ("kidney", True),
    ]


def test_numbers_windows_void_and_groups(scans, data):
    for number in range(10):
        (scans / "images" / f"{number:02}.png").unlink()
        name = f"patient{number // 2}_{number:02}.png"
        deep = np.full((HEIGHT, WIDTH), 1000 + number, np.uint16)
        Image.fromarray(deep).save(scans / "images" / name)
        mask = mask_of(number)
        mask[:6] = 255
        (scans / "masks" / f"{number:02}.png").unlink()
        Image.fromarray(mask).save(scans / "masks" / name)
    found = rows(data(scans, "--window", "1000,50").stdout)
    assert found["numbers"] == ["uint16 1000 … 1009 (10 bits in use)"]
    assert found["window"] == ["975 … 1025"]
    assert found["for validation"] == ["1 of the groups, 1 of 5: patient4"]
    assert found["void"] == ["255", "10.0%", "10.0%", "8/8", "2/2"]
    assert found["1"] == ["1", "35.6%", "35.6%", "8/8", "2/2"]  # of what is not void


def test_mostly_foreground_is_said_at_the_end(scans, data):
    for number in range(10):
        Image.fromarray(np.where(mask_of(number) == 1, 0, 255).astype(np.uint8)).save(
            scans / "masks" / f"{number:02}.png"
        )
    (scans / "images" / "notes.txt").unlink()
    (scans / "masks" / "99.png").unlink()
    assert data(scans).stdout.splitlines()[-1].startswith("▲ Note: 68.0% of the pixels are foreground")


# ---- mistakes ---------------------------------------------------------------------------------------------


def test_what_training_refuses_is_refused_in_the_same_words(scans, data, train):
    Image.new("L", (5, 5)).save(scans / "masks" / "03.png")
    done = data(scans)
    trained = train("--task", "image_folder", "--data", str(scans), "--lang", "en")
    assert done.stderr == trained.stderr
    assert "03.png is 5×5, its picture 90×60" in done.stderr
    assert (done.code, done.stdout, trained.code) == (2, "", 2)
    assert [path.name for path in done.folder.glob("*.png")] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "error: everybatch data takes one folder of pictures and masks: everybatch data DIR\n"),
        (["scans", "scans"], "error: everybatch data takes one folder"),
        (["nowhere"], "error: --data: no folder nowhere\n"),
        (["scans", "--window", "wide"], "error: --window: cannot read wide"),
        (["scans", "--classes", "liver"], "error: --classes: cannot read"),
        (["scans", "--out", "sheet.jpg"], "error: --out: sheet.jpg must end in .png\n"),
        (["scans", "--out", "scans/images/03.png"], "error: --out: scans/images/03.png is one of the pictures"),
        (["scans", "--ou", "x.png"], "error: unknown flag --ou, did you mean --out?\n"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(scans, data, tmp_path, arguments, expected):
    before = {path: path.stat().st_mtime_ns for path in scans.rglob("*")}
    done = data(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in scans.rglob("*")} == before
    assert list(tmp_path.glob("*.png")) == []


def test_ctrl_c_ends_it_without_a_word(scans, tmp_path):
    fifo = scans / "images" / "05.png"
    fifo.unlink()
    os.mkfifo(fifo)  # never gives anything
    command = [sys.executable, "-m", "everybatch", "data", str(scans)]
    running = Running(command, tmp_path, {})
    writer = []

    def is_read():
        with contextlib.suppress(OSError):  # nobody reads it yet
            writer.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return writer

    try:
        until(is_read)
        running.send(signal.SIGINT)
        done = running.wait()
    finally:
        running.end()
        os.close(writer[0])
    assert (done.code, done.stdout, done.stderr) == (130, "", "")


def test_a_reader_that_has_left_is_no_mistake(scans, tmp_path):
    command = f"{sys.executable} -m everybatch data {scans} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (141, "")


# ---- in a terminal ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("columns", "pairs"), [(80, 3), (140, 4), (60, 2)])
def test_a_terminal_shows_a_few_pairs_in_no_more_columns_than_it_has(scans, terminal, columns, pairs, lang):
    seen = terminal(scans, size=(columns, 24), lang=lang, COLORTERM="truecolor")
    lines = seen.text().replace("\r", "").splitlines()
    assert max(map(cell_len, lines)) <= columns
    blocks = [line for line in lines if "▀" in line]
    assert len(blocks) >= 6
    widths = [list(map(len, re.findall("▀+", line))) for line in blocks]
    assert widths == [[max(widths[0])] * pairs] * len(blocks)
    mixed = f"38;2;{round(GREY * 0.62 + 230 * 0.38)};"  # the colour of the first class over grey
    assert mixed in seen.output
    assert f"38;2;{GREY};{GREY};{GREY}" in seen.output


def test_where_there_are_256_colours_a_class_keeps_its_own(scans, terminal):
    seen = terminal(scans, size=(80, 24), COLORTERM="")
    assert "▀" in seen.output
    assert "38;2;" not in seen.output
    used = set(re.findall(r"[34]8;5;(\d+)", seen.output[seen.output.index("▀") - 30 : seen.output.rindex("▀")]))
    greys = {number for number in used if int(number) >= 232 or number in ("59", "102", "145", "188")}
    assert greys
    assert len(used - greys) == 2


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_there_are_no_pictures_in_characters(scans, terminal, env):
    seen = terminal(scans, size=(80, 24), **env)
    assert "▀" not in seen.output
    assert "38;5" not in seen.output
    assert "data_scans.png" in seen.text()


def test_a_name_of_wide_characters_is_cut_to_the_terminal(scans, terminal):
    for name in ("images", "masks"):
        for path in list((scans / name).glob("0*.png")):
            path.rename(path.with_name(f"{path.stem}{'很长的名称' * 2}.png"))
    seen = terminal(scans, size=(80, 24), lang="zh", COLORTERM="truecolor")
    lines = seen.text().replace("\r", "").splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert len(re.findall(r"\d很长的名称很长的… +(?:训练|验证)", seen.text())) == 3


def test_a_reading_that_takes_long_shows_how_far_it_has_come(scans, terminal):
    script = (
        "import everybatch.run.reading_progress as bar; bar.SHOW_AFTER = bar.SHOW_EVERY = 0.0\n"
        "from everybatch.app.command_line import main; raise SystemExit(main())"
    )
    seen = terminal(scans, size=(120, 24), python=("-c", script))
    bars = re.findall(r"Reading pictures and masks ━+─* (\d+) of 20", seen.text())
    assert bars == [str(number) for number in range(1, 21)]
    assert re.search(r"20 of 20\r\x1b\[K8 pictures to train on", seen.output)


def test_torch_is_not_imported(scans, tmp_path):
    script = (
        "import sys; from everybatch.app.command_line import main\n"
        f"assert main(['data', {str(scans)!r}]) == 0\n"
        "print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False True"
