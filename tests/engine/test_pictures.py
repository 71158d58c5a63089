"""Pictures as they come from cameras, microscopes and other people's computers."""

import os
import unicodedata

import numpy as np
import pytest
from everybatch.engine.config import TrainConfig
from everybatch.engine.pictures import scan
from everybatch.engine.pictures.folder import read_folder
from everybatch.engine.pictures.pairs import find_pairs
from everybatch.engine.pictures.reader import Header
from everybatch.engine.pictures.scan import Pictures
from everybatch.engine.pictures.split import find_split
from everybatch.engine.tasks.image_folder import ImageFolder
from everybatch.errors import UsageError
from PIL import ExifTags, Image

from ..support import said

WIDTH, HEIGHT = 40, 24
MARK = np.zeros((HEIGHT, WIDTH), bool)
MARK[4:12, 6:20] = True


@pytest.fixture
def folder(tmp_path):
    """Six pictures in which the marked place is bright."""
    data = tmp_path / "data"
    for name in ("images", "masks"):
        (data / name).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(np.where(MARK, 200, 50).astype(np.uint8)).save(data / name / f"{number}.png")
    return data


def task_on(folder):
    return ImageFolder(TrainConfig(task="image_folder", data=folder))


def picture(folder, number, pixels, suffix="png", **options):
    (folder / "images" / f"{number}.png").unlink()
    Image.fromarray(pixels).save(folder / "images" / f"{number}.{suffix}", **options)


def samples(folder):
    """The pictures as the network gets them, as far as the mask goes, with their masks; by number."""
    found = read_folder(folder)
    pairs = sorted([*found.train, *found.val], key=lambda pair: pair.files.name)
    return [tuple(part[..., :HEIGHT, :WIDTH].numpy() for part in sample) for sample in found.crops(pairs, None)]


def scan_masks(paths):
    return Pictures().scan_masks({(path,): Header(1, HEIGHT, WIDTH, 1, "uint8") for path in paths})


def complaint(folder):
    with pytest.raises(UsageError) as caught:
        task_on(folder)
    return caught.value


@pytest.mark.parametrize("suffix", ["bmp", "webp", "gif", "tiff", "JPG"])
def test_pictures_of_every_common_format(folder, suffix):
    picture(folder, 1, np.where(MARK, 200, 50).astype(np.uint8), suffix)
    assert samples(folder)[1][0][:, MARK].mean() == pytest.approx(200 / 255, abs=0.02)


def test_what_a_system_keeps_beside_the_files_is_no_picture(folder):
    for name in ("images", "masks"):
        (folder / name / "._1.png").write_bytes(b"resource fork")
        (folder / name / ".DS_Store").write_bytes(b"")
    assert len(find_pairs(folder).pairs) == 6


def test_two_pictures_of_one_name_are_told(folder):
    Image.fromarray(MARK).save(folder / "images" / "1.bmp")
    error = complaint(folder)
    assert error.key == "picture_twice"
    assert {error.fields["first"], error.fields["second"]} == {"1.bmp", "1.png"}


def test_a_name_is_the_same_however_its_umlaut_is_written(folder):
    for name, form in (("images", "NFC"), ("masks", "NFD")):
        (folder / name / "1.png").rename(folder / name / f"{unicodedata.normalize(form, 'Zähne')}.png")
    assert len(find_pairs(folder).pairs) == 6


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_picture_is_turned_as_exif_says_before_its_mask_is_laid_on_it(folder, suffix):
    shown = np.repeat(np.where(MARK, 200, 50).astype(np.uint8)[..., None], 3, axis=2)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # is shown turned to the right
    picture(folder, 1, np.rot90(shown), suffix, exif=exif)
    image, mask = samples(folder)[1]
    assert (mask[0] == MARK).all()
    assert image[:, MARK].min() > 150 / 255 > image[:, ~MARK].mean()


def test_16_bit_grey_beside_colours_is_not_white(folder):
    colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture(folder, 0, colours)
    picture(folder, 1, np.full((HEIGHT, WIDTH), 30_000, np.uint16))
    image, _ = samples(folder)[1]
    assert image.shape == (3, HEIGHT, WIDTH)
    assert image == pytest.approx(np.full_like(image, 30_000 / 65_535))


# ---- what is kept for validation --------------------------------------------------------------------------


def named(folder, *names):
    """The pictures under other names."""
    for number, name in enumerate(names):
        for kind in ("images", "masks"):
            (folder / kind / f"{number}.png").rename(folder / kind / f"{name}.png")
    for kind in ("images", "masks"):
        for number in range(len(names), 6):
            (folder / kind / f"{number}.png").unlink()


def sides(folder):
    split = find_split(folder)
    return [[pair.name for pair in side] for side in (split.train, split.val)]


def test_no_patient_is_on_both_sides(folder):
    named(folder, "anna_1", "anna_2", "ben_1", "cleo_left_1", "cleo_left_2", "cleo_right_1")
    assert sides(folder) == [["anna_1", "anna_2", "ben_1", "cleo_left_1", "cleo_left_2"], ["cleo_right_1"]]
    assert find_split(folder).said == [("split_by_group", {"groups": 4, "name": "anna", "count": 2})]


@pytest.mark.parametrize("names", [("img_1", "img_2", "img_3"), ("a_1", "b_1", "c_1"), ("a", "b", "c")])
def test_names_that_tell_of_no_groups_are_parted_one_by_one(folder, names):
    named(folder, *names)
    assert sides(folder) == [list(names[:2]), [names[2]]]
    assert find_split(folder).said == []


def test_folders_for_training_and_validation_are_taken_as_they_are(folder):
    for side, numbers in (("train", range(4)), ("val", range(4, 6))):
        for kind in ("images", "masks"):
            (folder / side / kind).mkdir(parents=True)
            for number in numbers:
                (folder / kind / f"{number}.png").rename(folder / side / kind / f"{number}.png")
    assert sides(folder) == [["0", "1", "2", "3"], ["4", "5"]]
    assert len(task_on(folder).train_data()) == 4


def test_a_file_of_names_says_what_is_validated(folder):
    (folder / "val.txt").write_text("3\n\n1.png\n")
    assert sides(folder) == [["0", "2", "4", "5"], ["1", "3"]]


@pytest.mark.parametrize(
    ("text", "key"),
    [("3\nnowhere\n", "split_unknown"), ("", "split_one_side"), ("0\n1\n2\n3\n4\n5", "split_one_side")],
)
def test_a_file_of_names_that_cannot_be_meant_is_told(folder, text, key):
    (folder / "val.txt").write_text(text)
    assert complaint(folder).key == key


# ---- numbers ----------------------------------------------------------------------------------------------


def test_fractions_are_scaled_by_the_range_of_all_pictures(folder):
    for number in range(6):
        picture(folder, number, np.full((HEIGHT, WIDTH), number * 10.0, np.float32), "tif")
    assert [image.mean() for image, _ in samples(folder)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])


def test_a_picture_with_nan_is_named(folder):
    pixels = np.zeros((HEIGHT, WIDTH), np.float32)
    pixels[3, 3] = np.nan
    picture(folder, 4, pixels, "tif")
    error = complaint(folder)
    assert (error.key, error.fields["path"]) == ("picture_not_finite", str(folder / "images" / "4.tif"))


@pytest.mark.parametrize("kind", ["images", "masks"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp"])
def test_damage_in_the_middle_of_any_file_is_found_before_the_training(folder, kind, suffix):
    (folder / kind / "2.png").unlink()
    path = folder / kind / f"2.{suffix}"
    noise = np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH), np.uint8) * 255
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    error = complaint(folder)
    assert (error.key, error.fields["path"]) == ("image_unreadable", str(path))


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_one_wrong_byte_in_a_png_is_found_before_the_training(folder, kind):
    path = folder / kind / "2.png"
    data = bytearray(path.read_bytes())
    data[data.index(b"IEND") - 10] ^= 1
    path.write_bytes(data)
    error = complaint(folder)
    assert (error.key, error.fields["path"]) == ("image_unreadable", str(path))


def test_masks_that_have_not_changed_are_not_read_again(folder, monkeypatch):
    masks = sorted((folder / "masks").iterdir())
    before = scan_masks(masks)
    read = []
    monkeypatch.setattr(scan, "_read_mask", lambda files, like: read.append(files[0].name) or 1 / 0)
    assert scan_masks(masks) == before
    os.utime(masks[2], (1, 1))
    with pytest.raises(UsageError):
        scan_masks(masks)
    assert read == ["2.png"]


def test_masks_of_one_name_in_two_folders_are_two(folder, tmp_path):
    other = (folder / "images" / "0.png").rename(tmp_path / "0.png")
    Image.new("L", (WIDTH, HEIGHT), 7).save(other)
    masks = [folder / "masks" / "0.png", other]
    first, again = scan_masks(masks), scan_masks(masks)
    assert again == first
    assert [facts.values for facts in again.values()] == [[50, 200], [7]]


def test_without_a_place_to_remember_them_masks_are_read_each_time(folder, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("no folder")
    masks = sorted((folder / "masks").iterdir())
    assert scan_masks(masks) == scan_masks(masks)


def test_what_was_found_is_told_before_the_training(train, folder, tmp_path):
    run = train("--task", "image_folder", "--data", "data", "--epochs", "1", "--nproc", "1")
    assert run.code == 0
    log = next((tmp_path / "log").iterdir()).read_text()
    assert said(log, "pictures_found", train=5, val=1)
    share = 100 * MARK.mean()
    assert said(log, "masks_binary", values=f"50 {100 - share:.1f}%, 200 {share:.1f}%", percent=share)
    assert not said(log, "masks_mostly")
    assert log.index("掩码有两个取值") < log.index("Batch Loss")


def test_masks_that_may_be_inverted_are_told(train, folder, tmp_path):
    for path in (folder / "masks").iterdir():
        Image.fromarray(np.where(MARK, 0, 255).astype(np.uint8)).save(path)
    assert train("--task", "image_folder", "--data", "data", "--epochs", "1", "--nproc", "1").code == 0
    assert said(next((tmp_path / "log").iterdir()).read_text(), "masks_mostly")


def test_masks_without_any_foreground_train_nothing(train, folder, tmp_path):
    for path in (folder / "masks").iterdir():
        Image.new("L", (WIDTH, HEIGHT)).save(path)
    run = train("--task", "image_folder", "--data", "data", "--lang", "en")
    assert run.code == 2
    assert run.stderr.splitlines()[-1] == (
        "error: --data: no mask shows any foreground (6 masks, 0.png, 1.png, 2.png … (+3); values: 0 100.0%)"
    )
    assert not (tmp_path / ".everybatch").exists()
