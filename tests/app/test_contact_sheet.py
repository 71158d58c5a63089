"""The contact sheet of ``everybatch data``."""

import dataclasses

import numpy as np
import pytest
from everybatch.app.contact_sheet import MOST
from everybatch.app.overlay import overlaid
from everybatch.app.shown_pairs import chosen, shown_pair
from everybatch.engine.pictures.class_colours import OKABE_ITO
from everybatch.engine.pictures.folder import read_folder
from everybatch.engine.pictures.reader import Header
from PIL import Image

from .scans import GREY, HEIGHT, LIVER, TUMOUR, WIDTH, mask_of, rows


def test_the_sheet_has_the_colours_of_the_mask_where_the_mask_is(scans, data, tmp_path):
    done = data(scans, "--out", "sheet.png")
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


def test_the_sheet_lies_in_the_current_folder_and_never_among_the_pictures(scans, data, tmp_path):
    assert data(scans).code == 0
    assert Image.open(tmp_path / "data_scans.png").format == "PNG"
    (tmp_path / "data_scans.png").unlink()
    before = sorted(scans.rglob("*"))
    assert data(".", cwd=scans).code == 0
    assert sorted(scans.rglob("*")) == before
    assert (tmp_path / "data_scans.png").exists()
    (tmp_path / "sheets").mkdir()
    assert data(scans, "--out", "sheets").code == 0
    assert (tmp_path / "sheets" / "data_scans.png").exists()


def test_a_place_that_cannot_be_written_is_one_line_and_the_report_comes_all_the_same(scans, data):
    done = data(scans, "--out", "nowhere/sheet.png")
    assert done.code == 1
    assert done.stderr.startswith("Warning: cannot write nowhere/sheet.png (No such file or directory)")
    assert done.stderr.count("\n") == 1
    assert rows(done.stdout)["training"]
    assert done.stdout.splitlines()[-1].startswith("▲ Left out")


def test_pairs_are_chosen_evenly_from_both_sides(scans):
    for number in range(10, 50):
        for name in ("images", "masks"):
            source = (scans / name / "00.png").read_bytes()
            (scans / name / f"{number:02}.png").write_bytes(source)
    pairs = chosen(read_folder(scans), MOST)
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


def test_a_volume_shows_its_slice_with_the_most_foreground_made_small(scans):
    (scans / "masks" / "99.png").unlink()
    folder = read_folder(scans, classes="liver=1")
    pair = dataclasses.replace(folder.train[0], header=Header(5, 2000, 1000, 1, "uint8"))
    shown = shown_pair(dataclasses.replace(folder, pictures=Volume()), "train", pair, 500)
    assert (shown.slice, shown.slices) == (4, 5)
    assert shown.picture.shape == shown.overlay.shape == (500, 250, 3)
    assert (shown.labels == 1).mean() == pytest.approx(0.45)


def test_a_dark_picture_is_shown_with_more_contrast_and_says_so(scans):
    for number in range(10):
        pixels = np.where(mask_of(number) == 1, 30, 10).astype(np.uint8)
        Image.fromarray(pixels).save(scans / "images" / f"{number:02}.png")
    folder = read_folder(scans)
    shown = shown_pair(folder, "train", folder.train[0], 500)
    assert shown.picture[mask_of(0) == 1].min() == 255
    assert shown.contrast == pytest.approx(255 / 20)
    windowed = read_folder(scans, window="500,1000")
    assert shown_pair(windowed, "train", windowed.train[0], 500).picture.max() < 10


def test_the_void_is_striped_and_of_no_colour():
    labels = np.zeros((120, 120), np.int64)
    labels[:60] = -1
    page = overlaid(np.full((120, 120, 3), GREY, np.uint8), labels)
    assert (page[60:] == GREY).all()
    assert len(np.unique(page[:60, :, 0])) == 2
    assert (page[..., 0] == page[..., 1]).all()
