"""Folders as people have them: which file is the mask of which picture, and what is left out."""

import json

import nibabel
import numpy as np
import pytest
import tifffile
from everybatch.engine.config import TrainConfig
from everybatch.engine.pictures.folder import read_folder
from everybatch.engine.pictures.pairs import find_pairs
from everybatch.engine.tasks.image_folder import ImageFolder
from everybatch.errors import UsageError
from PIL import Image

from ..support import said

SIZE = 40
LEFT = np.zeros((SIZE, SIZE), np.uint8)
LEFT[5:20, 3:12] = 255
RIGHT = np.zeros((SIZE, SIZE), np.uint8)
RIGHT[20:35, 25:38] = 255
AFFINE = np.array([[-0.8, 0, 0, 30], [0, 0.8, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1.0]])


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def save(path, pixels=LEFT):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def names(folder):
    return {pair.name: [str(path.relative_to(folder)) for path in pair.masks] for pair in find_pairs(folder).pairs}


def complaint(call, *arguments):
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    return caught.value


# ---- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mask",
    ["a", "a_mask", "a_seg", "a-label", "a_gt", "a_segmentation", "a mask", "a.mask", "a_Mask", "a_mask_1"],
)
def test_a_mask_has_the_name_of_its_picture_or_a_word_behind_it(data, mask):
    save(data / "images" / "a.png")
    save(data / "masks" / f"{mask}.tif")
    assert names(data) == {"a": [f"masks/{mask}.tif"]}


def test_a_picture_whose_name_ends_with_such_a_word_has_its_own_mask(data):
    for name in ("a", "a_mask"):
        save(data / "images" / f"{name}.png")
        save(data / "masks" / f"{name}.png")
    assert names(data) == {"a": ["masks/a.png"], "a_mask": ["masks/a_mask.png"]}


def test_pictures_and_masks_side_by_side(data):
    for name in ("benign (1)", "benign (1)_mask", "benign (1)_mask_1", "benign (2)", "benign (2)_mask"):
        save(data / f"{name}.png")
    assert names(data) == {
        "benign (1)": ["benign (1)_mask.png", "benign (1)_mask_1.png"],
        "benign (2)": ["benign (2)_mask.png"],
    }


@pytest.mark.parametrize("several", ["masks/{}/{}.png", "masks/{}_mask_{}.png"])
def test_several_masks_of_a_picture_are_objects_and_all_of_them_foreground(data, several):
    for name in ("a", "b"):
        save(data / "images" / f"{name}.png")
        save(data / several.format(name, 1), LEFT)
        save(data / several.format(name, 2), RIGHT)
    found = read_folder(data)
    assert (found.meaning.kind, found.meaning.binary) == ("objects", True)
    assert ("masks_several", {"count": 2}) in found.said()
    _, mask = found.crops(found.val, None)[0]
    assert (mask[0, :SIZE, :SIZE].numpy() == np.maximum(LEFT, RIGHT) / 255).all()


def test_what_is_left_out_is_told_with_the_reason(data):
    for name in ("a", "b"):
        save(data / "images" / f"{name}.png")
        save(data / "masks" / f"{name}.png")
    save(data / "masks" / "c.png")
    (data / "images" / "notes.txt").write_text("")
    (data / "images" / ".hidden.png").write_text("")
    assert find_pairs(data).left_out == [
        ("left_other", {"count": 1, "names": "notes.txt", "path": str(data / "images")}),
        ("left_masks", {"count": 1, "names": "c.png", "path": str(data / "masks")}),
    ]


def test_pictures_of_one_folder_without_masks_are_told(data):
    for name in ("a", "a_mask", "b"):
        save(data / f"{name}.png")
    error = complaint(find_pairs, data)
    assert (error.key, error.fields["names"]) == ("masks_missing", "b.png")


# ---- nnU-Net ----------------------------------------------------------------------------------------------


def volumes(data, *, channels=1, cases=4):
    """Bright organs in a dark body, in the folders of nnU-Net."""
    random = np.random.default_rng(0)
    for folder in ("imagesTr", "labelsTr"):
        (data / folder).mkdir()
    for case in range(cases):
        labels = np.zeros((60, 50, 6), np.uint8)
        labels[10 + case : 30, 10:30, 1:5] = 1
        labels[40:50, 20:40, 2:4] = 2
        labels[5:9, 40:48] = 3
        for channel in range(channels):
            picture = random.normal(0, 10, labels.shape) + np.array([-60, 80, 200, 320])[labels] * (1 - channel / 2)
            name = f"case_{case}_{channel:04}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(picture.astype(np.int16), AFFINE), data / "imagesTr" / name)
        nibabel.save(nibabel.Nifti1Image(labels, AFFINE), data / "labelsTr" / f"case_{case}.nii.gz")
    content = {"labels": {"background": 0, "liver": 1, "tumour": 2, "spleen": 3}, "file_ending": ".nii.gz"}
    (data / "dataset.json").write_text(json.dumps(content))


def test_the_folders_of_nnunet_are_taken_as_they_lie(data):
    volumes(data, channels=2)
    found = read_folder(data)
    assert [one.name for one in found.meaning.classes] == ["background", "liver", "tumour", "spleen"]
    assert (found.channels, {pair.header.shape for pair in found.train}) == (2, {(6, 50, 60)})
    assert (len(found.train), len(found.val)) == (3, 1)
    image, labels = found.crops(found.val, None)[3]
    assert (image.shape, labels.shape) == ((2, 128, 128), (128, 128))
    bright = image[0, :50, :60].numpy()
    labels = labels[:50, :60].numpy()
    means = [bright[labels == label].mean() for label in range(4)]
    assert means == sorted(means)
    assert (labels == 2).sum() == 200


def test_a_crop_of_a_volume_is_aimed_at_the_slice_that_has_the_class(data):
    volumes(data)
    found = read_folder(data)
    crops = found.crops(found.train, seed=0)
    seen = set()
    for epoch in range(3):
        crops.set_epoch(epoch)
        for index in range(len(crops)):
            image, labels = crops[index]
            seen |= set(labels.unique().tolist())
            assert (
                image[0].numpy()[labels.numpy() == 2].min(initial=1) > image[0].numpy()[labels.numpy() == 0].mean()
            )
    assert seen == {0, 1, 2, 3}


def test_a_case_without_one_of_the_channels_is_told(data):
    volumes(data, channels=2)
    (data / "imagesTr" / "case_2_0001.nii.gz").unlink()
    error = complaint(find_pairs, data)
    assert (error.key, error.fields["case"], error.fields["channel"]) == ("channel_missing", "case_2", "0001")


def test_channels_of_different_sizes_are_told(data):
    volumes(data, channels=2)
    small = nibabel.Nifti1Image(np.zeros((60, 50, 5), np.int16), AFFINE)
    nibabel.save(small, data / "imagesTr" / "case_2_0001.nii.gz")
    error = complaint(read_folder, data)
    assert (error.key, error.fields["size"], error.fields["other"]) == ("channel_sizes", "60×50×6", "60×50×5")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ({"background": 0, "organ": 1, "ignore": 3}, None),
        (
            {"0": "background", "1": "liver", "2": "tumour", "3": "spleen"},
            ["background", "liver", "tumour", "spleen"],
        ),
    ],
)
def test_labels_of_both_versions(data, labels, names):
    volumes(data)
    (data / "dataset.json").write_text(json.dumps({"labels": labels}))
    if names is None:  # 2 has no name, and the background has one
        assert complaint(read_folder, data).key == "masks_unnamed"
    else:
        assert [one.name for one in read_folder(data).meaning.classes] == names


def test_regions_of_several_labels_are_told(data):
    volumes(data)
    content = {"labels": {"background": 0, "whole": [1, 2], "core": [2], "rest": 3}}
    (data / "dataset.json").write_text(json.dumps(content))
    error = complaint(read_folder, data)
    assert (error.key, error.fields["names"]) == ("classes_regions", "whole, core")


def test_three_classes_of_volumes_train_on_two_ranks(train, data, tmp_path):
    volumes(data)
    run = train("--task", "image_folder", "--data", "data", "--epochs", "2", "--nproc", "2", "--window", "100,600")
    assert run.code == 0
    log = next((tmp_path / "log").iterdir()).read_text()
    assert said(log, "pictures_sizes", sizes="60×50×6", channels=1, numbers="int16")
    header = next((tmp_path / "metrics").glob("epoch_*")).read_text().splitlines()[0]
    assert "val_dice_liver,val_dice_tumour,val_dice_spleen,val_score" in header


# ---- numbers ----------------------------------------------------------------------------------------------


def test_a_window_tells_apart_what_lies_in_it(data):
    volumes(data)
    found = read_folder(data, window="100,200")
    image, _ = found.crops(found.val, None)[3]
    whole = np.asanyarray(nibabel.load(found.val[0].files.images[0]).dataobj)
    expected = ((whole[:, :, 3].T.astype(np.float32) - 0) / 200).clip(0, 1)
    assert image[0, :50, :60].numpy() == pytest.approx(expected)


@pytest.mark.parametrize("written", ["40", "40,", "a,b", "40,0", "40,-1", "nan,1", "1,2,3"])
def test_a_window_that_cannot_be_meant_is_told(data, written):
    save(data / "images" / "a.png")
    assert complaint(read_folder, data).key == "data_missing"
    with pytest.raises(UsageError) as caught:
        read_folder(data, window=written)
    assert caught.value.key == "window_unreadable"


@pytest.mark.parametrize(("highest", "bits"), [(900, 10), (4095, 12), (4096, 14), (65535, 16)])
def test_16_bit_are_scaled_by_the_bits_that_are_used(data, highest, bits):
    for number in range(2):
        save(data / "images" / f"{number}.png", np.full((SIZE, SIZE), highest // (2 - number), np.uint16))
        save(data / "masks" / f"{number}.png")
    found = read_folder(data)
    image, _ = found.crops(found.val, None)[0]
    assert image.max().item() == pytest.approx(highest / (2**bits - 1))


def test_pictures_with_other_numbers_of_channels_are_told(data):
    for number, channels in enumerate((3, 4)):
        save(data / "masks" / f"{number}.png")
        picture = np.zeros((SIZE, SIZE, channels), np.uint8)
        (data / "images").mkdir(exist_ok=True)
        path = data / "images" / f"{number}.tif"
        tifffile.imwrite(path, picture.transpose(2, 0, 1), photometric="minisblack", metadata={"axes": "CYX"})
    error = complaint(ImageFolder, TrainConfig(task="image_folder", data=data))
    assert (error.key, error.fields["few"], error.fields["many"]) == ("channels_differ", 3, 4)
