import numpy as np
import pytest
import torch
from everybatch.engine.config import TrainConfig
from everybatch.engine.data import TrainData, ValData, to_device
from everybatch.engine.pictures.crops import CROP
from everybatch.engine.tasks.image_folder import ImageFolder
from everybatch.engine.tasks.phantoms import Phantoms, PhantomSlices
from everybatch.engine.tasks.segmentation import dice_bce_loss, dice_score
from everybatch.engine.tasks.unet import UNet
from everybatch.errors import UsageError
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """Ten grey pictures of 150×140 with their masks."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    random = np.random.default_rng(0)
    for i in range(10):
        pixels = random.integers(0, 256, (140, 150), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i:02}.png")
        Image.fromarray(((pixels > 128) * 255).astype(np.uint8)).save(tmp_path / "masks" / f"{i:02}.png")
    return tmp_path


def task_on(folder, **options):
    return ImageFolder(TrainConfig(task="image_folder", data=folder, **options))


def test_phantoms_are_the_guides_171_batches_on_two_ranks():
    config = TrainConfig()
    assert len(TrainData(Phantoms(config).train_data(), config, rank=0, world_size=2)) == 171


def test_a_phantom_is_always_the_same_and_has_a_lesion():
    (image, mask), (again, _) = PhantomSlices(10, seed=3)[7], PhantomSlices(10, seed=3)[7]
    assert torch.equal(image, again)
    assert image.shape == mask.shape == (1, 64, 64)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(image, PhantomSlices(10, seed=4)[7][0])


def test_loss_and_score_of_a_perfect_and_a_wrong_prediction():
    mask = torch.zeros(2, 1, 8, 8)
    mask[:, :, :4] = 1
    perfect, wrong = (mask * 2 - 1) * 50, (1 - mask * 2) * 50
    assert dice_bce_loss(perfect, mask).item() == pytest.approx(0, abs=1e-6)
    assert [part.item() for part in dice_score(perfect, mask)] == [1.0, 2]
    assert dice_bce_loss(wrong, mask).item() > 20
    assert dice_score(wrong, mask)[0].item() < 0.05


def test_a_sample_without_foreground_counts_only_if_some_was_found(tmp_path):
    masks = torch.zeros(16, 1, 8, 8)
    masks[0, 0, :4] = 1
    nothing = torch.full_like(masks, -9)
    assert [part.item() for part in dice_score(nothing, masks)] == pytest.approx([1 / 33, 1])
    too_much = nothing.clone()
    too_much[5] = 9
    assert [part.item() for part in dice_score(too_much, masks)] == pytest.approx([(1 / 33 + 1 / 65) / 2, 2])
    assert [part.item() for part in dice_score(nothing[1:], masks[1:])] == [0, 0]


@pytest.mark.parametrize(("channels", "size"), [(1, 64), (3, 128)])
def test_the_network_answers_in_the_size_it_was_asked(channels, size):
    assert UNet(channels)(torch.zeros(2, channels, size, size)).shape == (2, 1, size, size)


def test_every_fifth_picture_is_kept_for_validation_and_crops_cover_the_rest(folder):
    task = task_on(folder)
    train, val = task.train_data(), task.val_data()
    assert (len(train), len(val)) == (8 * 4, 2 * 4)  # 150×140 needs four tiles of 128
    image, mask = train[0]
    assert image.shape == mask.shape == (1, CROP, CROP)
    assert image.dtype == mask.dtype == torch.float32


def test_a_crop_and_its_mask_are_of_the_same_place(folder):
    train = task_on(folder).train_data()
    for i in range(len(train)):
        image, mask = train[i]
        assert torch.equal(image > 128 / 255, mask > 0.5)


def test_crops_change_with_the_epoch_and_with_nothing_else(folder):
    one, two = task_on(folder).train_data(), task_on(folder).train_data()
    assert torch.equal(one[5][0], two[5][0])
    two.set_epoch(1)
    assert not torch.equal(one[5][0], two[5][0])
    val = task_on(folder, seed=1).val_data()
    assert torch.equal(val[0][0], task_on(folder, seed=2).val_data()[0][0])


def test_a_picture_smaller_than_a_crop_is_padded(folder, tmp_path):
    for name in ("images", "masks"):
        for path in (folder / name).iterdir():
            Image.open(path).crop((0, 0, 40, 1)).save(path)
    image, _ = task_on(folder).train_data()[0]
    assert image.shape == (1, CROP, CROP)


@pytest.mark.parametrize(
    ("mode", "largest"), [("uint16", 65535), ("uint8", 255)], ids=["16 bit tiff", "8 bit jpeg-like"]
)
def test_other_depths_are_scaled_to_one(folder, mode, largest):
    for i in range(10):
        pixels = np.full((140, 150), largest, mode)
        (folder / "images" / f"{i:02}.png").unlink()
        Image.fromarray(pixels).save(folder / "images" / f"{i:02}.tif")
    image, _ = task_on(folder).val_data()[0]
    assert image.min() == image.max() == 1.0


def test_masks_of_class_numbers_count_every_class(folder):
    for i in range(10):
        classes = np.zeros((140, 150), np.uint8)
        classes[:, 50:100], classes[:, 100:] = 1, 2
        Image.fromarray(classes).save(folder / "masks" / f"{i:02}.png")
    task = task_on(folder)
    image, mask = task.val_data()[0]
    assert (mask.shape, mask.dtype) == ((CROP, CROP), torch.int64)
    assert mask[0, [49, 50, 99, 100]].tolist() == [0, 1, 1, 2]
    assert task.model()(image[None]).shape == (1, 3, CROP, CROP)
    assert task.metric_names == ("dice_1", "dice_2")


def test_colour_pictures_have_three_channels(folder):
    for path in (folder / "images").iterdir():
        Image.open(path).convert("RGB").save(path)
    task = task_on(folder)
    image, _ = task.train_data()[0]
    assert image.shape == (3, CROP, CROP)
    assert task.model()(image[None]).shape == (1, 1, CROP, CROP)


def complaint(folder):
    with pytest.raises(UsageError) as caught:
        task_on(folder)
    return caught.value


def test_pictures_without_masks_are_named_three_of_them(folder):
    for i in range(5):
        (folder / "masks" / f"{i:02}.png").unlink()
    error = complaint(folder)
    assert error.key == "masks_missing"
    assert error.fields["names"] == "00.png, 01.png, 02.png … (+2)"
    assert error.fields["count"] == 5


@pytest.mark.parametrize("damage", [lambda data: b"no picture", lambda data: data[: len(data) // 2]])
def test_a_picture_that_cannot_be_read_is_named(folder, damage):
    path = folder / "images" / "03.png"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UsageError) as caught:
        task_on(folder)
    error = caught.value
    assert (error.key, error.fields["path"]) == ("image_unreadable", str(path))


def test_sizes_that_differ_are_told(folder):
    Image.new("L", (10, 20)).save(folder / "masks" / "04.png")
    error = complaint(folder)
    assert error.key == "mask_size"
    assert (error.fields["image_size"], error.fields["mask_size"]) == ("150×140", "10×20")


def test_an_empty_folder_is_told(folder):
    for path in (folder / "images").iterdir():
        path.unlink()
    assert complaint(folder).key == "data_empty"


def test_validation_sees_every_sample_once_over_the_ranks():
    data = torch.utils.data.TensorDataset(torch.arange(11))
    config = TrainConfig(batch_size=2)
    shares = [ValData(data, config, rank, 3) for rank in range(3)]
    seen = [value for share in shares for (batch,) in share.epoch(1) for value in batch.tolist()]
    assert sorted(seen) == list(range(11))
    assert {share.batches for share in shares} == {2}


def test_an_epoch_has_its_own_order_whatever_was_run_before():
    data = torch.utils.data.TensorDataset(torch.arange(40))
    config = TrainConfig()
    straight, resumed = TrainData(data, config, 0, 2), TrainData(data, config, 0, 2)
    orders = [[batch.tolist() for (batch,) in straight.epoch(epoch)] for epoch in (1, 2)]
    assert orders[0] != orders[1]
    assert [batch.tolist() for (batch,) in resumed.epoch(2)] == orders[1]


def test_batches_of_any_shape_are_moved():
    batch = {"a": ["name"], "b": (torch.zeros(3, 2), [torch.ones(3)])}
    moved = to_device(batch, torch.device("meta"))
    assert moved["a"] == ["name"]
    assert moved["b"][1][0].device.type == "meta"
