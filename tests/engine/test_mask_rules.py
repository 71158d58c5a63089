"""What a mask means: the kinds of masks that people have, each as the files that they have."""

from pathlib import Path

import numpy as np
import pytest
from everybatch.engine.pictures.formats import reader_of
from everybatch.engine.pictures.mask_facts import facts_of
from everybatch.engine.pictures.mask_pixels import MaskPixels
from everybatch.engine.pictures.mask_rules import meaning_of
from everybatch.engine.pictures.reader import Header
from everybatch.errors import UsageError
from PIL import Image

SIZE = 64
YY, XX = np.mgrid[:SIZE, :SIZE]
DISC = (YY - 30) ** 2 + (XX - 34) ** 2 < 200
SHARE = DISC.mean()


def grey(low, high, dtype=np.uint8):
    return Image.fromarray(np.where(DISC, high, low).astype(dtype))


def coloured(background, foreground):
    return Image.fromarray(np.where(DISC[..., None], foreground, background).astype(np.uint8))


def one_slice(path):
    header = reader_of(path).header(path)
    return reader_of(path).mask(path, Header(1, header.height, header.width, 1, "uint8"))


def meaning(folder, *pictures, suffix="png", **options):
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number}.{suffix}", **options)
    return meaning_of({path: facts_of(one_slice(path)) for path in sorted(folder.iterdir())})


def foreground(found, path):
    return found.labels(one_slice(path))[0] > 0


@pytest.mark.parametrize("values", [(0, 1), (0, 38), (0, 100), (0, 127), (0, 255), (7, 9)])
def test_of_two_values_the_higher_one_is_the_foreground(tmp_path, values):
    found = meaning(tmp_path, grey(*values))
    assert found.kind == "binary"
    assert (foreground(found, tmp_path / "0.png") == DISC).all()
    assert found.share == pytest.approx(SHARE)


@pytest.mark.parametrize("colour", [(255, 0, 0), (90, 0, 0), (0, 0, 20), (255, 255, 0)])
def test_any_colour_on_black_is_foreground_however_dark(tmp_path, colour):
    found = meaning(tmp_path, coloured((0, 0, 0), colour))
    assert found.kind == "colours"
    assert (foreground(found, tmp_path / "0.png") == DISC).all()


def test_without_black_the_colour_of_most_pixels_is_the_background(tmp_path):
    found = meaning(tmp_path, coloured((128, 0, 128), (0, 255, 0)))
    assert (foreground(found, tmp_path / "0.png") == DISC).all()
    assert found.shown() == f"#800080 {100 - 100 * SHARE:.1f}%, #00ff00 {100 * SHARE:.1f}%"


def test_a_mask_without_any_colour_among_coloured_ones_has_the_same_background(tmp_path):
    found = meaning(tmp_path, coloured((0, 0, 0), (255, 0, 0)), coloured((0, 0, 0), (0, 0, 0)))
    assert not foreground(found, tmp_path / "1.png").any()
    assert (foreground(found, tmp_path / "0.png") == DISC).all()


def test_more_colours_than_there_are_classes_are_refused(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), np.uint8))
    with pytest.raises(UsageError) as caught:
        meaning(tmp_path, coloured((0, 0, 0), (255, 0, 0)), noise)
    assert caught.value.key == "mask_colours"
    assert caught.value.fields["names"].startswith("1.png")


def test_class_numbers_are_foreground_and_255_among_them_is_void(tmp_path):
    classes = np.zeros((SIZE, SIZE), np.uint8)
    classes[:, 20:40], classes[:, 40:50], classes[:, 50:] = 1, 2, 255
    found = meaning(tmp_path, Image.fromarray(classes))
    assert (found.kind, found.void, found.binary) == ("classes", {255}, False)
    assert (found.labels(one_slice(tmp_path / "0.png")) == np.where(classes == 255, -1, classes.astype(int))).all()


def test_numbers_in_some_masks_and_white_in_others_contradict_one_another(tmp_path):
    with pytest.raises(UsageError) as caught:
        meaning(tmp_path, grey(0, 1), grey(0, 1), grey(0, 255))
    assert caught.value.key == "masks_contradict"
    assert caught.value.fields == {"white": "2.png", "numbers": "0.png, 1.png"}


def test_levels_of_grey_that_stand_for_classes_are_foreground(tmp_path):
    levels = np.where(DISC, 38, 0)
    levels[:10] = 75
    found = meaning(tmp_path, Image.fromarray(levels.astype(np.uint8)))
    assert found.kind == "levels"
    assert (foreground(found, tmp_path / "0.png") == (levels > 0)).all()


@pytest.mark.parametrize("most", [60, 900])
def test_labels_of_objects_are_foreground_from_the_first_to_the_last(tmp_path, most):
    labels = np.zeros((SIZE, SIZE), np.uint16 if most > 255 else np.uint8)
    for number in range(most):
        labels[2 * (number // 32) : 2 * (number // 32) + 1, 2 * (number % 32) : 2 * (number % 32) + 2] = number + 1
    labels = np.kron(labels, np.ones((4, 4), labels.dtype))
    found = meaning(tmp_path, Image.fromarray(labels))
    assert found.kind == "objects"
    assert (foreground(found, tmp_path / "0.png") == (labels > 0)).all()


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_the_soft_edges_that_jpeg_makes_are_cut_at_half(tmp_path, quality):
    found = meaning(tmp_path, grey(0, 255), suffix="jpg", quality=quality)
    assert found.kind == "soft"
    assert (foreground(found, tmp_path / "0.jpg") == DISC).mean() > 0.99


def test_a_mask_that_was_scaled_has_soft_edges(tmp_path):
    found = meaning(tmp_path, grey(0, 255).resize((200, 200), Image.Resampling.BICUBIC))
    assert found.kind == "soft"
    assert found.share == pytest.approx(SHARE, abs=0.01)


def test_fractions_are_probabilities(tmp_path):
    soft = np.clip(1.2 - np.hypot(YY - 30, XX - 34) / 20, 0, 1).astype(np.float32)
    found = meaning(tmp_path, Image.fromarray(soft), suffix="tif")
    assert found.kind == "soft"
    assert (foreground(found, tmp_path / "0.tif") == (soft > 0.5)).all()


def test_any_number_of_fractions_is_cut_at_half_of_the_highest(tmp_path):
    soft = np.random.default_rng(0).random((300, 300), np.float32) ** 3
    found = meaning(tmp_path, Image.fromarray(soft), suffix="tif")
    assert found.kind == "soft"
    assert found.threshold == pytest.approx(soft.max() / 2, rel=1e-3)
    assert found.share == pytest.approx((soft > 0.5).mean(), abs=1e-3)


def test_more_objects_than_values_are_kept_are_objects(tmp_path):
    labels = np.kron(np.arange(80 * 80).reshape(80, 80), np.ones((4, 4))).astype(np.uint16)
    labels[labels < 2000] = 0
    found = meaning(tmp_path, Image.fromarray(labels))
    assert found.kind == "objects"
    assert (foreground(found, tmp_path / "0.png") == (labels > 0)).all()
    assert found.share == pytest.approx((labels > 0).mean())


def test_a_gradient_of_8_bit_is_soft_and_no_objects(tmp_path):
    soft = np.clip(255 * (1.2 - np.hypot(YY - 30, XX - 34) / 30), 0, 255).astype(np.uint8)
    assert meaning(tmp_path, Image.fromarray(soft)).kind == "soft"


def test_alpha_is_the_mask_where_the_colour_is_the_same_everywhere(tmp_path):
    alpha = grey(0, 255)
    black = Image.new("RGB", alpha.size)
    black.putalpha(alpha)
    found = meaning(tmp_path, black)
    assert (foreground(found, tmp_path / "0.png") == DISC).all()


def test_where_a_coloured_mask_is_transparent_is_background(tmp_path):
    pixels = np.full((SIZE, SIZE, 4), (10, 200, 30, 0), np.uint8)
    pixels[DISC] = (255, 0, 0, 255)
    pixels[:4] = (0, 0, 255, 255)
    found = meaning(tmp_path, Image.fromarray(pixels))
    assert (foreground(found, tmp_path / "0.png") == (DISC | (YY < 4))).all()


@pytest.mark.parametrize(
    ("palette", "kind"),
    [([0, 0, 0, 220, 20, 60], "class numbers"), ([255] * 3 + [0] * 3, "greys, the first is white")],
)
def test_a_palette_is_class_numbers_but_greys_are_what_they_look_like(tmp_path, palette, kind):
    inverted = palette[0] == 255
    picture = Image.fromarray((inverted != DISC).astype(np.uint8), mode="P")
    picture.putpalette(palette)
    found = meaning(tmp_path, picture)
    assert (foreground(found, tmp_path / "0.png") == DISC).all(), kind


def test_a_mask_of_one_bit(tmp_path):
    found = meaning(tmp_path, Image.fromarray(DISC))
    assert (foreground(found, tmp_path / "0.png") == DISC).all()


def test_pages_are_objects(tmp_path):
    pages = [Image.fromarray((DISC & (part == XX // 16)).astype(np.uint8) * 255) for part in range(1, 4)]
    pages[0].save(tmp_path / "0.tif", save_all=True, append_images=pages[1:])
    found = meaning(tmp_path)
    assert (foreground(found, tmp_path / "0.tif") == (DISC & (XX // 16 < 4) & (XX >= 16))).all()


def test_the_slices_of_a_mask_are_counted_together():
    numbers = np.stack([DISC, DISC.T, DISC & (XX > 30)]).astype(np.uint16) * (XX // 8 + 1)
    facts = facts_of(MaskPixels(numbers, coloured=False))
    assert facts.values == np.unique(numbers).tolist()
    assert facts.counts == [int((numbers == value).sum()) for value in facts.values]
    apart = [facts_of(MaskPixels(one[None], coloured=False)).flat for one in numbers]
    assert min(apart) <= facts.flat <= max(apart)


@pytest.mark.parametrize(("value", "key"), [(0, "masks_empty"), (255, "masks_full"), (1, "masks_full")])
def test_masks_that_show_one_thing_only_are_refused_and_three_are_named(tmp_path, value, key):
    with pytest.raises(UsageError) as caught:
        meaning(tmp_path, *[grey(value, value)] * 4)
    assert caught.value.key == key
    assert caught.value.fields["names"] == "0.png, 1.png, 2.png … (+1)"


def test_a_mask_with_nan_is_named(tmp_path):
    pixels = DISC.astype(np.float32)
    pixels[3, 3] = np.nan
    with pytest.raises(UsageError) as caught:
        meaning(tmp_path, Image.fromarray(DISC.astype(np.float32)), Image.fromarray(pixels), suffix="tif")
    assert (caught.value.key, Path(caught.value.fields["path"]).name) == ("mask_not_finite", "1.tif")
