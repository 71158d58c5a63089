"""``everybatch data`` as a person runs it."""

import contextlib
import dataclasses
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from everybatch.app.contact_sheet import MOST
from everybatch.app.overlay import overlaid
from everybatch.app.shown_pairs import chosen, shown_pair
from everybatch.engine.pictures.class_colours import OKABE_ITO
from everybatch.engine.pictures.folder import read_folder
from everybatch.engine.pictures.reader import Header
from everybatch.log.catalogue import Catalogue
from PIL import Image
from rich.cells import cell_len

from ..support import Running, until
from .terminal import Terminal

HEIGHT, WIDTH = 60, 90
LIVER, TUMOUR = (slice(6, 54), slice(9, 45)), (slice(20, 32), slice(50, 80))
NAMES = "liver=1,tumour=2"
GREY = 100
ESCAPE = "\x1b"


def mask_of(number):
    """Liver in all, a tumour in the even ones."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[LIVER] = 1
    if number % 2 == 0:
        mask[TUMOUR] = 2
    return mask


@pytest.fixture
def pictures(tmp_path):
    """Ten grey pictures of classes 1 and 2, and what is none of them."""
    folder = tmp_path / "scans"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(10):
        Image.new("L", (WIDTH, HEIGHT), GREY).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask_of(number)).save(folder / "masks" / f"{number:02}.png")
    (folder / "images" / "notes.txt").write_text("of the day")
    (folder / "masks" / "99.png").write_bytes((folder / "masks" / "00.png").read_bytes())
    return folder


@pytest.fixture
def data(tmp_path):
    """Run the command in an empty folder with its output in pipes."""

    def run(*arguments, lang="en", **options):
        command = [sys.executable, "-m", "everybatch", "data", *map(str, arguments), "--lang", lang]
        return Running(command, **{"folder": tmp_path, "env": {}, **options}).wait()

    return run


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


def rows(text):
    """The cells of each line, by the first one."""
    lines = [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if len(cells) > 1}


# ---- the report -------------------------------------------------------------------------------------------


def test_the_tables_say_what_is_in_the_pictures(pictures, data):
    done = data(pictures, "--classes", NAMES)
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
def test_it_says_what_a_training_says_and_what_is_left_out_last(pictures, data, lang):
    done = data(pictures, lang=lang)
    lines = done.stdout.splitlines()
    told = [Catalogue(lang).text(key, **fields) for key, fields in read_folder(pictures).said()]
    assert len(told) == 6
    left_out = [line for line in told if "notes.txt" in line or "99.png" in line]
    assert lines[-2:] == [f"▲ {line}" for line in left_out]
    assert lines[: len(told) - 2] == [line for line in told if line not in left_out]


def test_a_class_that_cannot_be_learnt_or_judged_is_said(pictures, data):
    for number in (4, 9):
        Image.fromarray(mask_of(1)).save(pictures / "masks" / f"{number:02}.png")
    done = data(pictures, "--classes", f"{NAMES}, kidney=3")
    ends = [line for line in done.stdout.splitlines() if line.startswith("▲ Note")]
    assert [(line.split()[2], "validate" in line) for line in ends] == [
        ("tumour", True),
        ("kidney", False),
        ("kidney", True),
    ]


def test_numbers_windows_void_and_groups(pictures, data):
    for number in range(10):
        (pictures / "images" / f"{number:02}.png").unlink()
        name = f"patient{number // 2}_{number:02}.png"
        deep = np.full((HEIGHT, WIDTH), 1000 + number, np.uint16)
        Image.fromarray(deep).save(pictures / "images" / name)
        mask = mask_of(number)
        mask[:6] = 255
        (pictures / "masks" / f"{number:02}.png").unlink()
        Image.fromarray(mask).save(pictures / "masks" / name)
    found = rows(data(pictures, "--window", "1000,50").stdout)
    assert found["numbers"] == ["uint16 1000 … 1009 (10 bits in use)"]
    assert found["window"] == ["975 … 1025"]
    assert found["for validation"] == ["1 of the groups, 1 of 5: patient4"]
    assert found["void"] == ["255", "10.0%", "10.0%", "8/8", "2/2"]
    assert found["1"] == ["1", "35.6%", "35.6%", "8/8", "2/2"]  # of what is not void


def test_mostly_foreground_is_said_at_the_end(pictures, data):
    for number in range(10):
        Image.fromarray(np.where(mask_of(number) == 1, 0, 255).astype(np.uint8)).save(
            pictures / "masks" / f"{number:02}.png"
        )
    (pictures / "images" / "notes.txt").unlink()
    (pictures / "masks" / "99.png").unlink()
    assert data(pictures).stdout.splitlines()[-1].startswith("▲ Note: 68.0% of the pixels are foreground")


# ---- mistakes ---------------------------------------------------------------------------------------------


def test_what_training_refuses_is_refused_in_the_same_words(pictures, data, train):
    Image.new("L", (5, 5)).save(pictures / "masks" / "03.png")
    done = data(pictures)
    trained = train("--task", "image_folder", "--data", str(pictures), "--lang", "en")
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
def test_a_mistake_is_one_line_and_nothing_is_written(pictures, data, tmp_path, arguments, expected):
    before = {path: path.stat().st_mtime_ns for path in pictures.rglob("*")}
    done = data(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in pictures.rglob("*")} == before
    assert list(tmp_path.glob("*.png")) == []


def test_ctrl_c_ends_it_without_a_word(pictures, tmp_path):
    fifo = pictures / "images" / "05.png"
    fifo.unlink()
    os.mkfifo(fifo)  # never gives anything
    command = [sys.executable, "-m", "everybatch", "data", str(pictures)]
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


def test_a_reader_that_has_left_is_no_mistake(pictures, tmp_path):
    command = f"{sys.executable} -m everybatch data {pictures} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (141, "")


# ---- the contact sheet ------------------------------------------------------------------------------------


def test_the_sheet_has_the_colours_of_the_mask_where_the_mask_is(pictures, data, tmp_path):
    done = data(pictures, "--out", "sheet.png")
    assert "Contact sheet of 10 pairs: sheet.png" in done.stdout
    page = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).astype(int)
    grey = np.all(page == GREY, axis=2)
    plain = _boxes(grey)
    assert len(plain) == 10
    top, bottom, left, right = plain[0]
    height, width = bottom - top, right - left
    assert width / height == pytest.approx(WIDTH / HEIGHT, abs=0.02)
    beside = page[top:bottom, right + 5 : right + 5 + width + 5]  # the overlay, with what is between
    seam = np.flatnonzero(np.all(beside == 255, axis=2).all(axis=0))
    beside = beside[:, (seam.max() + 1 if len(seam) and seam.max() < 10 else 0) :]

    def at(rows, columns):
        middle_row, middle_column = (rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2
        return beside[int(middle_row * height / HEIGHT), int(middle_column * width / WIDTH)]

    for place, colour in ((LIVER, OKABE_ITO[0]), (TUMOUR, OKABE_ITO[1])):
        mixed = at(*place)
        share = (mixed - GREY) / (np.array(colour) - GREY)
        assert share == pytest.approx(share.mean(), abs=0.05)
        assert 0.2 < share.mean() < 0.8
    assert at(slice(0, 4), slice(80, 90)).tolist() == [GREY] * 3


def _boxes(of_grey):
    """Top, bottom, left and right of the plain grey pictures: those that are grey in all of their rows."""
    found = []
    rows = np.flatnonzero(of_grey.any(axis=1))
    for band in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        full = np.flatnonzero(of_grey[band].mean(axis=0) > 0.98)
        for run in np.split(full, np.flatnonzero(np.diff(full) > 1) + 1):
            if len(run) > 150:
                found.append((band[0], band[-1] + 1, run[0], run[-1] + 1))
    return found


def test_the_sheet_lies_in_the_current_folder_and_never_among_the_pictures(pictures, data, tmp_path):
    assert data(pictures).code == 0
    assert Image.open(tmp_path / "data_scans.png").format == "PNG"
    (tmp_path / "data_scans.png").unlink()
    before = sorted(pictures.rglob("*"))
    assert data(".", cwd=pictures).code == 0
    assert sorted(pictures.rglob("*")) == before
    assert (tmp_path / "data_scans.png").exists()
    (tmp_path / "sheets").mkdir()
    assert data(pictures, "--out", "sheets").code == 0
    assert (tmp_path / "sheets" / "data_scans.png").exists()


def test_a_place_that_cannot_be_written_is_one_line_and_the_report_comes_all_the_same(pictures, data):
    done = data(pictures, "--out", "nowhere/sheet.png")
    assert done.code == 1
    assert done.stderr.startswith("Warning: cannot write nowhere/sheet.png (No such file or directory)")
    assert done.stderr.count("\n") == 1
    assert rows(done.stdout)["training"]
    assert done.stdout.splitlines()[-1].startswith("▲ Left out")


def test_pairs_are_chosen_evenly_from_both_sides(pictures):
    for number in range(10, 50):
        for name in ("images", "masks"):
            source = (pictures / name / "00.png").read_bytes()
            (pictures / name / f"{number:02}.png").write_bytes(source)
    pairs = chosen(read_folder(pictures), MOST)
    assert [side for side, _ in pairs] == ["train"] * 10 + ["val"] * 2
    numbers = [int(pair.files.name) for _, pair in pairs]
    assert numbers == [2, 7, 12, 17, 22, 27, 32, 37, 42, 47, 14, 39]


class Volume:
    """Pixels of a volume whose last slice but one has the most foreground, and which says what was read."""

    def __init__(self):
        self.slices = np.zeros((5, 2000, 1000), np.uint8)
        self.slices[1, :100], self.slices[3, :900] = 1, 1

    def pixels(self, path):
        return np.where(self.slices == 1, 200, 50).astype(np.uint8)

    def mask_numbers(self, files, like):
        return self.slices


def test_a_volume_shows_its_slice_with_the_most_foreground_made_small(pictures):
    (pictures / "masks" / "99.png").unlink()
    folder = read_folder(pictures, classes="liver=1")
    pair = dataclasses.replace(folder.train[0], header=Header(5, 2000, 1000, 1, "uint8"))
    shown = shown_pair(dataclasses.replace(folder, pictures=Volume()), "train", pair, 500)
    assert (shown.slice, shown.slices) == (4, 5)
    assert shown.picture.shape == shown.overlay.shape == (500, 250, 3)
    assert (shown.labels == 1).mean() == pytest.approx(0.45)


def test_a_dark_picture_is_shown_with_more_contrast_and_says_so(pictures):
    for number in range(10):
        pixels = np.where(mask_of(number) == 1, 30, 10).astype(np.uint8)
        Image.fromarray(pixels).save(pictures / "images" / f"{number:02}.png")
    folder = read_folder(pictures)
    shown = shown_pair(folder, "train", folder.train[0], 500)
    assert shown.picture[mask_of(0) == 1].min() == 255
    assert shown.contrast == pytest.approx(255 / 20)
    windowed = read_folder(pictures, window="500,1000")
    assert shown_pair(windowed, "train", windowed.train[0], 500).picture.max() < 10


def test_the_void_is_striped_and_of_no_colour():
    labels = np.zeros((120, 120), np.int64)
    labels[:60] = -1
    page = overlaid(np.full((120, 120, 3), GREY, np.uint8), labels)
    assert (page[60:] == GREY).all()
    assert len(np.unique(page[:60, :, 0])) == 2
    assert (page[..., 0] == page[..., 1]).all()


# ---- in a terminal ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("columns", "pairs"), [(80, 3), (140, 4), (60, 2)])
def test_a_terminal_shows_a_few_pairs_in_no_more_columns_than_it_has(pictures, terminal, columns, pairs, lang):
    seen = terminal(pictures, size=(columns, 24), lang=lang, COLORTERM="truecolor")
    lines = seen.text().replace("\r", "").splitlines()
    assert max(map(cell_len, lines)) <= columns
    blocks = [line for line in lines if "▀" in line]
    assert len(blocks) >= 6
    widths = [list(map(len, re.findall("▀+", line))) for line in blocks]
    assert widths == [[max(widths[0])] * pairs] * len(blocks)
    mixed = f"38;2;{round(GREY * 0.62 + 230 * 0.38)};"  # the colour of the first class over grey
    assert mixed in seen.output
    assert f"38;2;{GREY};{GREY};{GREY}" in seen.output


def test_where_there_are_256_colours_a_class_keeps_its_own(pictures, terminal):
    seen = terminal(pictures, size=(80, 24), COLORTERM="")
    assert "▀" in seen.output
    assert "38;2;" not in seen.output
    used = set(re.findall(r"[34]8;5;(\d+)", seen.output[seen.output.index("▀") - 30 : seen.output.rindex("▀")]))
    greys = {number for number in used if int(number) >= 232 or number in ("59", "102", "145", "188")}
    assert greys
    assert len(used - greys) == 2


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_there_are_no_pictures_in_characters(pictures, terminal, env):
    seen = terminal(pictures, size=(80, 24), **env)
    assert "▀" not in seen.output
    assert "38;5" not in seen.output
    assert "data_scans.png" in seen.text()


def test_a_name_of_wide_characters_is_cut_to_the_terminal(pictures, terminal):
    for name in ("images", "masks"):
        for path in list((pictures / name).glob("0*.png")):
            path.rename(path.with_name(f"{path.stem}{'很长的名称' * 2}.png"))
    seen = terminal(pictures, size=(80, 24), lang="zh", COLORTERM="truecolor")
    lines = seen.text().replace("\r", "").splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert len(re.findall(r"\d很长的名称很长的… +(?:训练|验证)", seen.text())) == 3


def test_a_reading_that_takes_long_shows_how_far_it_has_come(pictures, terminal):
    script = (
        "import everybatch.run.reading_progress as bar; bar.SHOW_AFTER = bar.SHOW_EVERY = 0.0\n"
        "from everybatch.app.command_line import main; raise SystemExit(main())"
    )
    seen = terminal(pictures, size=(120, 24), python=("-c", script))
    bars = re.findall(r"Reading pictures and masks ━+─* (\d+) of 20", seen.text())
    assert bars == [str(number) for number in range(1, 21)]
    assert re.search(r"20 of 20\r\x1b\[K8 pictures to train on", seen.output)


def test_torch_is_not_imported(pictures, tmp_path):
    script = (
        "import sys; from everybatch.app.command_line import main\n"
        f"assert main(['data', {str(pictures)!r}]) == 0\n"
        "print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False True"
