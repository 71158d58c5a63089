"""Several classes: their names, the loss, the score, and crops that find rare ones."""

import json

import numpy as np
import pytest
import torch
from everybatch.engine.config import TrainConfig
from everybatch.engine.pictures.crops import CROP
from everybatch.engine.pictures.folder import read_folder
from everybatch.engine.tasks.image_folder import ImageFolder
from everybatch.engine.tasks.segmentation import class_dice, class_loss
from everybatch.errors import UsageError
from PIL import Image

from ..support import said

SIZE = 200
CLASSES = np.zeros((SIZE, SIZE), np.uint8)
CLASSES[20:60, 20:60], CLASSES[100:140, 100:180] = 1, 2


def write(folder, *masks):
    """A folder of pictures that show what their masks are."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number, mask in enumerate(masks):
        grey = mask if mask.ndim == 2 else mask[..., 0] // 3
        Image.fromarray(grey * 100).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "data", *[np.roll(CLASSES, 9 * number, axis=1) for number in range(6)])


def complaint(folder, **options):
    with pytest.raises(UsageError) as caught:
        read_folder(folder, **options)
    return caught.value


def shown(folder, **options):
    meaning = read_folder(folder, **options).meaning
    return {one.name: round(share, 3) for one, share in zip(meaning.classes, meaning.shares, strict=True)}


# ---- names ------------------------------------------------------------------------------------------------


def test_classes_have_the_names_of_their_values(folder):
    assert shown(folder) == {"background": 0.88, "1": 0.04, "2": 0.08}


def test_classes_are_named_on_the_command_line(folder):
    assert shown(folder, classes="liver=2, tumour=1") == {"background": 0.88, "liver": 0.08, "tumour": 0.04}


def test_what_has_no_name_is_background(folder):
    assert shown(folder, classes="liver=2") == {"background": 0.92, "liver": 0.08}
    assert read_folder(folder, classes="liver=2").meaning.binary


def test_classes_are_named_in_a_file_and_several_values_are_one_class(folder):
    (folder / "classes.json").write_text(json.dumps({"background": 0, "organ": [1, 2]}))
    assert shown(folder) == {"background": 0.88, "organ": 0.12}


def test_the_command_line_wins_over_the_file(folder):
    (folder / "classes.json").write_text(json.dumps({"organ": [1, 2]}))
    assert list(shown(folder, classes="tumour=1")) == ["background", "tumour"]


def test_what_is_named_void_belongs_to_nothing(folder):
    found = read_folder(folder, classes="organ=1, void=2").meaning
    assert (found.binary, found.void, [one.name for one in found.classes]) == (False, {2}, ["background", "organ"])
    assert found.share == pytest.approx(0.04 / 0.92)


def test_colours_have_names_too(tmp_path):
    mask = np.zeros((SIZE, SIZE, 3), np.uint8)
    mask[:20], mask[20:50] = (255, 0, 0), (255, 255, 255)
    folder = write(tmp_path / "data", mask, mask)
    assert shown(folder) == {"background": 0.75, "#ff0000": 0.1, "#ffffff": 0.15}
    assert shown(folder, classes="cell=#FF0000, wall=255") == {"background": 0.75, "cell": 0.1, "wall": 0.15}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("liver", "classes_unreadable"),
        ("liver=", "classes_unreadable"),
        ("liver=red", "classes_unreadable"),
        ("=1", "classes_unreadable"),
        ("a=1, a=2", "classes_unreadable"),
        ("a=1, b=1", "classes_twice"),
        ("background=0", "classes_none"),
        ("background=0, liver=1", "masks_unnamed"),
        ("liver=7", "masks_empty"),
    ],
)
def test_classes_that_cannot_be_meant_are_told(folder, written, key):
    error = complaint(folder, classes=written)
    assert error.key == key
    if key == "masks_unnamed":
        assert error.fields == {"values": "2", "count": 6, "names": "0.png, 1.png, 2.png … (+3)"}


@pytest.mark.parametrize(("content", "key"), [("{", "split_unreadable"), ("[1]", "classes_unreadable")])
def test_a_file_of_classes_that_cannot_be_read_is_told(folder, content, key):
    (folder / "classes.json").write_text(content)
    assert complaint(folder).key == key


def test_numbers_that_count_the_objects_of_each_mask_are_no_classes(tmp_path):
    masks = []
    for count in (3, 12, 7):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for number in range(count):
            mask[10 * number : 10 * number + 5, 30:60] = number + 1
        masks.append(mask)
    found = read_folder(write(tmp_path / "data", *masks)).meaning
    assert (found.kind, found.binary) == ("objects", True)


# ---- loss and score ---------------------------------------------------------------------------------------


LABELS = torch.tensor([[[0, 1], [2, -1]]])


def logits(labels, classes=3):
    """That are sure of these labels."""
    return 50 * torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float()


def test_loss_and_score_of_a_perfect_prediction_whatever_void_is_taken_for():
    for anything in range(3):
        perfect = logits(LABELS.where(LABELS >= 0, anything))
        assert class_loss(perfect, LABELS).item() == pytest.approx(0, abs=1e-6)
        dice, pixels = class_dice(perfect, LABELS)
        assert (dice.tolist(), pixels.tolist()) == ([1, 1], [2, 2])


def test_a_class_that_is_neither_there_nor_found_has_no_score():
    dice, pixels = class_dice(logits(torch.tensor([[[0, 1], [1, 1]]])), torch.tensor([[[0, 0], [1, 1]]]))
    assert dice.tolist() == pytest.approx([4 / 5, 0])
    assert pixels.tolist() == [5, 0]


def test_a_batch_of_void_alone_is_no_nan():
    void = torch.full((1, 4, 4), -1)
    loss = class_loss(torch.randn(1, 3, 4, 4, requires_grad=True), void)
    loss.backward()
    assert loss.item() == 0
    assert class_dice(torch.randn(1, 3, 4, 4), void)[1].tolist() == [0, 0]


def test_the_loss_is_cross_entropy_and_dice_by_hand():
    even = torch.zeros(1, 3, 2, 2)  # a third each, three known pixels
    dice = (2 * (1 / 3) + 1) / (1 + 1 + 1)
    assert class_loss(even, LABELS).item() == pytest.approx((np.log(3) + 1 - dice) / 2)


def test_the_mean_is_over_the_classes_that_occur(folder):
    task = ImageFolder(TrainConfig(task="image_folder", data=folder))
    assert task.score({"loss": 1.0, "dice_1": 0.5, "dice_2": float("nan")}) == 0.5
    assert task.score({"loss": 1.0, "dice_1": 0.5, "dice_2": 1.0}) == 0.75


# ---- crops ------------------------------------------------------------------------------------------------


def test_a_third_of_the_crops_holds_a_rare_class(tmp_path):
    mask = np.zeros((4 * CROP, 10 * CROP), np.uint8)
    mask[5:9, 5:9], mask[-4:, -4:] = 1, 2
    found = read_folder(write(tmp_path / "data", mask, mask))
    crops = found.crops(found.train, seed=0)
    seen = []
    for epoch in range(10):
        crops.set_epoch(epoch)
        seen += [set(crops[index][1].unique().tolist()) for index in range(len(crops))]
    both = [len([one for one in seen if label in one]) / len(seen) for label in (1, 2)]
    assert both == pytest.approx([1 / 6, 1 / 6], abs=0.08)


def test_crops_of_common_foreground_are_not_aimed(tmp_path):
    found = read_folder(write(tmp_path / "data", *[(CLASSES > 0).astype(np.uint8)] * 2))
    assert found.meaning.share == pytest.approx(0.12)
    assert not found.crops(found.train, seed=0)._aims


def test_an_aimed_crop_and_its_mask_are_of_the_same_place(folder):
    found = read_folder(folder)
    crops = found.crops(found.train, seed=3)
    for index in range(len(crops)):
        image, mask = crops[index]
        assert torch.equal((image[0] * 255).round() / 100, mask.float())


# ---- training ---------------------------------------------------------------------------------------------


def test_several_classes_train_on_two_ranks_and_are_judged_one_by_one(train, folder, tmp_path):
    run = train("--task", "image_folder", "--data", "data", "--epochs", "8", "--nproc", "2", "--lr", "0.01")
    assert run.code == 0
    log = next((tmp_path / "log").iterdir()).read_text()
    assert said(log, "masks_class_shares", shares="background 88.0%, 1 4.0%, 2 8.0%")
    header, *rows = next((tmp_path / "metrics").glob("epoch_*")).read_text().splitlines()
    last = dict(zip(header.split(","), rows[-1].split(","), strict=True))
    assert {"val_dice_1", "val_dice_2", "val_score"} <= set(last)
    assert float(last["val_score"]) == pytest.approx(
        (float(last["val_dice_1"]) + float(last["val_dice_2"])) / 2, abs=1e-5
    )
    assert float(last["val_score"]) > 0.4
