"""The Dice coefficient of whole pictures and volumes, against one that is computed by hand."""

import math

import numpy as np
import pytest
from everybatch.engine.cases import judge
from everybatch.engine.pictures.folder import read_folder
from PIL import Image

SHAPE = (3, 20, 30)
VOID = 255


def write(folder, masks):
    """Stacks of pages with these masks."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number, mask in enumerate(masks):
        for name, pages in (("images", np.zeros(SHAPE, np.uint8)), ("masks", mask)):
            first, *others = map(Image.fromarray, pages)
            first.save(folder / name / f"{number}.tif", save_all=True, append_images=others)
    return folder


def stack(**places):
    """A mask: 0, and the classes a=1, b=2 or void at slices and rows."""
    mask = np.zeros(SHAPE, np.uint8)
    for name, (number, rows) in places.items():
        mask[number, rows] = {"a": 1, "b": 2, "void": VOID}[name]
    return mask


@pytest.fixture
def judged(tmp_path):
    """Judge what was found in a mask that lies among others."""

    def run(mask, found):
        others = [stack(a=(0, slice(0, 9)), b=(1, slice(0, 9)), void=(2, slice(0, 9)))] * 2
        folder = read_folder(write(tmp_path / "data", [mask, *others]), classes=f"a=1,b=2,void={VOID}")
        pair = next(pair for pair in (*folder.train, *folder.val) if pair.files.name == "0")
        return judge(folder, pair, found)

    return run


def test_a_class_counts_over_all_slices_together_and_the_case_is_the_mean_of_those_that_occur(judged):
    mask = stack(a=(slice(0, 3), slice(0, 10)), b=(1, slice(10, 14)))
    found = stack(a=(0, slice(0, 10)))
    case = judged(mask, found)
    assert case.class_dice == (2 * 10 / (30 + 10), 0.0)
    assert case.dice == 0.25


def test_a_class_that_is_neither_there_nor_found_has_no_part(judged):
    case = judged(stack(a=(0, slice(0, 10))), stack(a=(0, slice(5, 15))))
    assert case.class_dice[0] == 0.5
    assert math.isnan(case.class_dice[1])
    assert case.dice == 0.5


def test_a_case_without_anything_has_none_and_one_in_which_something_is_found_has_0(judged, tmp_path):
    empty = np.zeros(SHAPE, np.uint8)
    case = judged(empty, empty)
    assert math.isnan(case.dice)
    (tmp_path / "data").rename(tmp_path / "before")
    assert judged(empty, stack(b=(2, slice(0, 1)))).dice == 0


def test_what_is_found_in_the_void_counts_nowhere(judged):
    mask = stack(a=(0, slice(0, 10)), void=(slice(0, 3), slice(10, 20)))
    found = np.ones(SHAPE, np.uint8)
    found[:, :10] = stack(a=(0, slice(0, 10)))[:, :10]
    case = judged(mask, found)
    assert case.class_dice[0] == 1
    assert case.dice == 1


def test_the_slice_is_the_one_with_the_most_wrong_pixels_or_the_most_foreground(judged, tmp_path):
    mask = stack(a=(slice(0, 3), slice(0, 10)))
    found = mask.copy()
    found[1, :4], found[2, 12:15] = 0, 1
    assert judged(mask, found).slice == 1
    (tmp_path / "data").rename(tmp_path / "before")
    mask = stack(a=(2, slice(0, 10)), b=(1, slice(0, 2)))
    assert judged(mask, mask).slice == 2
