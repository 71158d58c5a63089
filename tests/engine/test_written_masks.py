"""Masks that are written: the values of the classes, in a file that keeps them, whole or not at all."""

import contextlib

import numpy as np
import pytest
from everybatch.engine.pictures.class_colours import OKABE_ITO
from everybatch.engine.pictures.formats import reader_of
from everybatch.engine.pictures.mask_facts import facts_of
from everybatch.engine.pictures.mask_files import put_in_place, write_mask
from everybatch.engine.pictures.mask_pixels import MaskPixels
from everybatch.engine.pictures.mask_rules import meaning_of
from everybatch.engine.pictures.overlay import write_overlay
from everybatch.engine.pictures.recipe import Recipe, Written, written_classes
from everybatch.engine.pictures.scale import Scale
from PIL import Image


def written_for(numbers, *, objects=False):
    mask = MaskPixels(np.asarray(numbers)[None], coloured=False, objects=objects)
    return [one.value for one in written_classes(meaning_of({"m": facts_of(mask)}))]


def test_a_class_has_the_value_that_it_had():
    assert written_for(np.array([[0, 38], [0, 0]], np.uint8)) == [0, 38]
    assert written_for(np.array([[5, 9], [5, 5]], np.uint8)) == [5, 9]
    assert written_for(np.array([[0, 1, 2], [0, 7, 0]], np.uint8)) == [0, 1, 2, 7]
    assert written_for(np.array([[40, 100], [40, 240]], np.uint8)) == [40, 100, 240]
    assert written_for(np.array([[0, 0.25], [0, 0]], np.float32)) == [0, 255]
    assert written_for(np.array([[-1, 1], [1, 1]], np.int32)) == [0, 255]
    assert written_for(np.arange(64).reshape(8, 8).astype(np.uint16), objects=True) == [0, 255]


@pytest.mark.parametrize(
    ("name", "values", "suffix"),
    [
        ("a.png", (0, 9), ".png"),
        ("a.tif", (0, 300), ".tif"),
        ("a.jpg", (0, 1), ".png"),
        ("a.webp", (0, 1), ".png"),
        ("a.GIF", (0, 1), ".png"),
        ("a.bmp", (0, 300), ".png"),
        ("a.png", (0, 300), ".png"),
    ],
)
def test_a_mask_is_written_in_a_format_that_keeps_its_numbers(name, values, suffix, tmp_path):
    classes = [Written(str(one), one) for one in values]
    told = Recipe(channels=1, files=1, scale=Scale(), classes=classes, binary=True, coloured=False)
    labels = np.array([[[0, 1], [1, 1]]], np.uint8)
    like = tmp_path / name
    Image.new("L", (2, 2)).save(like)
    assert reader_of(like).mask_suffix(like) == suffix
    written = tmp_path / f"mask{suffix}"
    write_mask(written, labels, told, like)
    assert np.asarray(Image.open(written)).tolist() == [[0, values[1]], [values[1]] * 2]


def test_a_mask_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "a.png").write_bytes(b"earlier")
    with contextlib.suppress(KeyboardInterrupt), put_in_place(tmp_path) as folder:
        (folder / "a.png").write_bytes(b"ha")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"earlier"
    with put_in_place(tmp_path) as folder:
        (folder / "a.png").write_bytes(b"later")
        assert (tmp_path / "a.png").read_bytes() == b"earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"later"


def test_an_overlay_shows_the_classes_on_the_slice_that_has_most(tmp_path):
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[0, 0, 0] = 1
    labels[2, :2] = 2
    volume = np.zeros((3, 4, 5), np.int16)
    volume[2, :, 4] = 1000
    write_overlay(tmp_path / "o.png", [volume], labels)
    shown = np.asarray(Image.open(tmp_path / "o.png"))
    assert shown.shape == (4, 5, 3)
    assert shown[0, 0].tolist() == [one // 2 for one in OKABE_ITO[1]]
    assert shown[3, 0].tolist() == [0, 0, 0]
    assert shown[3, 4].tolist() == [255, 255, 255]
    write_overlay(tmp_path / "o.png", [np.full((1, 2, 2, 3), (9, 8, 7), np.uint8)], labels[:1, 2:, :2])
    assert np.asarray(Image.open(tmp_path / "o.png"))[0, 0].tolist() == [9, 8, 7]
