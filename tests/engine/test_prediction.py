"""What is found with a checkpoint alone, in pictures whose truth is known."""

import contextlib
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
from everybatch.engine.checkpoint import save_atomically
from everybatch.engine.pictures.class_colours import OKABE_ITO
from everybatch.engine.pictures.formats import reader_of
from everybatch.engine.pictures.mask_facts import facts_of
from everybatch.engine.pictures.mask_files import put_in_place, write_mask
from everybatch.engine.pictures.mask_pixels import MaskPixels
from everybatch.engine.pictures.mask_rules import meaning_of
from everybatch.engine.pictures.overlay import write_overlay
from everybatch.engine.pictures.picture_files import PictureFiles, pictures_at
from everybatch.engine.pictures.recipe import Recipe, Written, recipe_from, written_classes
from everybatch.engine.pictures.scale import Scale
from everybatch.engine.prediction import Predictor, device_of, read_learnt, read_parts, shares
from everybatch.engine.tasks.segmenter import RECIPE, Segmenter
from everybatch.engine.tiles import TILE, Tiling, labels_of, starts
from everybatch.errors import UsageError
from PIL import ExifTags, Image

from ..support import only
from ..trained import VALUES, dice, numbers_in, scene, train_again

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread():
    """As many tests at a time as there are cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def recipe(channels=1, files=1, classes=2, coloured=False, **options):
    written = [Written(str(number), number) for number in range(classes)]
    return Recipe(
        channels=channels,
        files=files,
        scale=Scale(),
        classes=written,
        binary=classes == 2,
        coloured=coloured,
        **options,
    )


def checkpoint_of(folder):
    return only(folder, "checkpoints/*/best.pt")


def predictor_of(folder):
    return Predictor(read_learnt(checkpoint_of(folder)), CPU)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("size", [(200, 260), (61, 90), (513, 128)])
def test_what_was_learnt_is_found_in_a_new_picture_of_any_size(kind, size, trained, tmp_path):
    picture, classes = scene(77, *size)
    predictor = predictor_of(trained(kind))
    labels = predictor.labels([picture[None]])
    write_mask(tmp_path / "m.png", labels, predictor.recipe, tmp_path / "p.png")
    found = numbers_in(tmp_path / "m.png")
    assert found.shape == classes.shape
    assert set(np.unique(found)) <= set(VALUES[kind])
    for value in set(VALUES[kind]):
        truth = np.array(VALUES[kind])[classes] == value
        assert dice(found == value, truth) > 0.8


def test_a_resumed_run_and_one_without_its_data_predict_as_before(trained, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(trained("binary"), folder, symlinks=True)
    picture, _ = scene(5, 150, 150)
    before = predictor_of(folder).labels([picture[None]])
    (run,) = (folder / "checkpoints").iterdir()
    train_again(folder, "--resume", run.name, "--epochs", "10")
    last = read_learnt(run / "last.pt")
    assert last.epoch == 10
    assert last.recipe == read_learnt(checkpoint_of(trained("binary"))).recipe
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / "cache")
    shutil.copy(checkpoint_of(trained("binary")), run / "best.pt")
    assert np.array_equal(predictor_of(folder).labels([picture[None]]), before)


def test_a_checkpoint_of_an_older_version_is_resumed_but_not_predicted_with(trained, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(trained("binary"), folder, symlinks=True)
    (run,) = (folder / "checkpoints").iterdir()
    for path in (run / "last.pt", run / "best.pt"):
        state = torch.load(path, weights_only=True)
        del state["model"][RECIPE]
        save_atomically(state, path)
    with pytest.raises(UsageError) as caught:
        read_learnt(run / "best.pt")
    assert caught.value.key == "predict_too_old"
    train_again(folder, "--resume", run.name, "--epochs", "10")
    assert read_learnt(run / "last.pt").recipe.classes[1].value == 38


def test_other_classes_are_not_gone_on_with():
    network = Segmenter(recipe(classes=3))
    state = network.state_dict()
    state[RECIPE]["classes"][2]["value"] = 9
    with pytest.raises(UsageError) as caught:
        network.load_state_dict(state)
    assert caught.value.key == "resume_classes"


def test_a_recipe_of_a_newer_version_is_not_guessed_at():
    plain = recipe().plain()
    assert recipe_from(plain) == recipe()
    with pytest.raises(ValueError, match="version 99"):
        recipe_from({**plain, "version": 99})


# ---- tiles ------------------------------------------------------------------------------------------------


class Same(torch.nn.Module):
    """Says foreground where a picture is above a half; 0 and 1 and 2 by thirds if it has three outputs."""

    def __init__(self, outputs):
        super().__init__()
        self.centres = (torch.arange(outputs) + 0.5).view(1, -1, 1, 1) / outputs

    def forward(self, tiles):
        return tiles - 0.5 if self.centres.shape[1] == 1 else -((tiles - self.centres) ** 2)


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 40, 300), (3, 128, 128), (1, 129, 191), (1, 700, 130), (40, 20, 30), (2, 320, 1000)]
)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("batch", [1, 5, 16])
def test_every_pixel_is_answered_by_what_is_there(shape, outputs, batch):
    numbers = np.random.default_rng(0).random(shape, np.float32)
    told = []
    labels = labels_of(
        lambda member, rows: numbers[member][rows][None],
        Tiling(shape, outputs, batch),
        Same(outputs),
        CPU,
        told.append,
    )
    assert np.array_equal(labels, numbers > 0.5 if outputs == 1 else np.floor(numbers * 3))
    assert told == sorted(told)
    assert told[-1] == 1


def test_tiles_overlap_and_end_with_the_picture():
    for length in range(1, 700):
        found = starts(length)
        assert found[0] == 0
        assert found[-1] + TILE == max(length, TILE)
        assert all(0 < second - first <= TILE // 2 for first, second in pairwise(found))


def test_the_size_of_a_batch_changes_nothing(trained):
    learnt = read_learnt(checkpoint_of(trained("classes")))
    pages = np.stack([scene(seed, 150, 330)[0] for seed in range(3)])
    first, *others = [Predictor(learnt, CPU, batch).labels([pages]) for batch in (1, 3, 16, 64)]
    assert len(np.unique(first)) == 3
    for other in others:
        assert np.array_equal(first, other)
    alone = Predictor(learnt, CPU).labels([pages[1:2]])
    assert np.array_equal(alone[0], first[1])  # a slice is answered as a picture is


def test_a_large_picture_takes_no_more_than_a_strip_of_it():
    shape = (1, 3000, 3000)
    largest = []

    class Watched(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor):
                largest.append(made.numel())
            return made

    page = np.zeros((3000, 3000), np.uint8)
    page[1000:2500, 2000:2400] = 255
    with Watched():
        labels = labels_of(
            lambda member, rows: page[rows][None] / np.float32(255),
            Tiling(shape, 1),
            Same(1),
            CPU,
            lambda share: None,
        )
    assert np.array_equal(labels[0], page > 0)
    assert max(largest) <= 3000 * TILE * 1.1


# ---- pictures ---------------------------------------------------------------------------------------------


def picture_in(folder, name, pixels):
    folder.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def test_a_folder_is_the_pictures_in_it_and_what_is_none_is_told(tmp_path):
    grey = np.zeros((9, 9), np.uint8)
    paths = [picture_in(tmp_path / "in", name, grey) for name in ("b.png", "a.jpg", "c_0000.png")]
    (tmp_path / "in" / "notes.txt").write_text("x")
    (tmp_path / "in" / "deeper").mkdir()
    picture_in(tmp_path / "in" / "deeper", "d.png", grey)
    (tmp_path / "in" / ".DS_Store").write_text("x")
    found, said = pictures_at([paths[0], tmp_path / "in"], several_files=False)
    assert [one.files[0].name for one in found] == ["b.png", "a.jpg", "c_0000.png"]
    ((key, fields),) = said
    assert (key, fields["count"]) == ("left_other", 2)


def test_channels_in_several_files_are_one_picture_where_the_model_has_several(tmp_path):
    grey = np.zeros((9, 9), np.uint8)
    for name in ("case_0001", "case_0000", "other_0000", "other_0001", "alone"):
        picture_in(tmp_path / "in", f"{name}.png", grey)
    found, _ = pictures_at([tmp_path / "in"], several_files=recipe(channels=2, files=2).several_files)
    assert [(one.name, len(one.files)) for one in found] == [("alone", 1), ("case", 2), ("other", 2)]
    assert [path.name for path in found[1].files] == ["case_0000.png", "case_0001.png"]
    found, _ = pictures_at([tmp_path / "in"], several_files=recipe(channels=3).several_files)
    assert len(found) == 5


def test_channels_that_do_not_fit_are_told(tmp_path):
    grey = picture_in(tmp_path, "grey.png", np.full((9, 9), 51, np.uint8))
    colour = picture_in(tmp_path, "colour.png", np.zeros((9, 9, 3), np.uint8) + np.array([255, 0, 0], np.uint8))
    small = picture_in(tmp_path, "small.png", np.zeros((8, 9), np.uint8))
    deep = tmp_path / "deep.tif"
    Image.fromarray(np.full((9, 9), np.nan, np.float32)).save(deep)

    def key(paths, **options):
        with pytest.raises(UsageError) as caught:
            read_parts(PictureFiles("x", paths), recipe(**options))
        return caught.value.key

    assert key((colour,)) == "predict_channels"
    assert key((grey,), channels=2, files=2) == "predict_channels"
    assert key((grey, small), channels=2, files=2) == "predict_sizes"
    assert key((deep,)) == "predict_not_finite"
    parts = read_parts(PictureFiles("x", (grey,)), recipe(channels=3))
    assert recipe(channels=3).scaled([parts[0][0]]).tolist() == np.full((3, 9, 9), np.float32(0.2)).tolist()
    two = recipe(channels=4, files=2)
    parts = read_parts(PictureFiles("x", (colour, grey)), two)
    assert two.scaled([part[0] for part in parts])[:, 0, 0].tolist() == pytest.approx([1, 0, 0, 0.2])


# ---- masks ------------------------------------------------------------------------------------------------


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


def test_shares_are_of_all_pixels():
    labels = np.zeros((2, 300, 10), np.uint8)
    labels[1, 150:] = 2
    assert shares(labels, 3).tolist() == [0.75, 0, 0.25]


def test_a_picture_that_its_camera_turned_gets_a_mask_as_it_is_shown(trained, tmp_path):
    picture, classes = scene(9, 180, 130)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.rot90(picture)).save(tmp_path / "turned.png", exif=exif)
    predictor = predictor_of(trained("binary"))
    parts = read_parts(PictureFiles("turned", (tmp_path / "turned.png",)), predictor.recipe)
    write_mask(tmp_path / "mask.png", predictor.labels(parts), predictor.recipe, tmp_path / "turned.png")
    found = numbers_in(tmp_path / "mask.png")
    assert found.shape == classes.shape
    assert dice(found > 0, classes > 0) > 0.8


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_told():
    assert device_of("auto") == device_of("cpu") == CPU
    with pytest.raises(UsageError) as caught:
        device_of("cuda")
    assert caught.value.key == "no_cuda"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_finds_what_the_cpu_finds(trained):
    learnt = read_learnt(checkpoint_of(trained("classes")))
    picture, _ = scene(3, 500, 700)
    first, second = (Predictor(learnt, device_of(name)).labels([picture[None]]) for name in ("cpu", "cuda"))
    assert (first != second).mean() < 1e-4
