"""Flat pictures, by Pillow; and which reader reads what."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from everybatch.engine.pictures.formats import is_picture, reader_of, stem_of
from everybatch.engine.pictures.reader import Header
from everybatch.errors import UsageError
from PIL import ExifTags, Image

HEIGHT, WIDTH = 24, 40
GREY = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
FLAT = Header(1, HEIGHT, WIDTH, 1, "uint8")


def read(path):
    """The pixels, which are as the header says."""
    reader = reader_of(path)
    header, pixels = reader.header(path), reader.pixels(path)
    assert pixels.shape == header.shape + ((header.channels,) if header.channels > 1 else ())
    assert pixels.dtype.name == header.number
    return pixels


def fresh(script, *arguments):
    """What a Python of its own says."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# ---- pixels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_that_lose_nothing_are_read_to_the_bit(tmp_path, mode, suffix):
    pixels = GREY if mode == "L" else COLOURS
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}")
    assert (read(tmp_path / f"a.{suffix}") == pixels[None]).all()


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_pictures_that_lose_something_are_read_as_pillow_reads_them(tmp_path, suffix):
    Image.fromarray(COLOURS).save(tmp_path / f"a.{suffix}")
    with Image.open(tmp_path / f"a.{suffix}") as picture:
        assert (read(tmp_path / f"a.{suffix}")[0] == np.asarray(picture)).all()


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("RGBA", "RGB"), ("CMYK", "RGB"), ("LA", "L"), ("1", "L"), ("LAB", "RGB"), ("P", "RGB")],
)
def test_modes_of_pillow_are_grey_or_coloured(tmp_path, mode, shown):
    colours = Image.fromarray(COLOURS)
    picture = Image.merge("LAB", colours.split()) if mode == "LAB" else colours.convert(mode)
    picture.save(tmp_path / "a.tif")
    assert (read(tmp_path / "a.tif")[0] == np.asarray(picture.convert(shown))).all()


@pytest.mark.parametrize("number", [np.uint16, np.int32, np.float32])
def test_more_than_8_bit_of_grey_stay_as_they_are(tmp_path, number):
    Image.fromarray(GREY.astype(number) * 200).save(tmp_path / "a.tif")
    pixels = read(tmp_path / "a.tif")
    assert pixels.dtype == number
    assert (pixels[0] == GREY.astype(number) * 200).all()


@pytest.mark.parametrize(("step", "channels"), [((9, 9, 9), 1), ((9, 9, 8), 3)])
@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif"])
def test_a_palette_of_greys_is_grey(tmp_path, step, channels, suffix):
    path = tmp_path / f"a.{suffix}"
    picture = Image.fromarray(GREY % 20)
    picture.putpalette([index * part for index in range(20) for part in step])
    picture.save(path)
    pixels = read(path)
    assert reader_of(path).header(path).channels == channels
    assert (pixels[0].reshape(HEIGHT, WIDTH, -1)[..., -1] == GREY % 20 * step[-1]).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_and_masks_are_turned_as_exif_says(tmp_path, orientation, suffix):
    path, exif = tmp_path / f"a.{suffix}", Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = np.zeros((HEIGHT, WIDTH), np.uint8)
    stored[2:8, 4:20] = 200
    Image.fromarray(stored).save(path, exif=exif)
    turns = [
        stored,
        stored[:, ::-1],
        stored[::-1, ::-1],
        stored[::-1],
        stored.T,
        np.rot90(stored, -1),
        np.rot90(stored, 2).T,
        np.rot90(stored),
    ]
    shown = turns[orientation - 1]
    pixels, mask = read(path), reader_of(path).mask(path, reader_of(path).header(path))
    assert ((pixels[0].reshape(*shown.shape, -1)[..., 0] > 100) == (shown > 0)).all()
    assert ((mask.numbers[0] > 100) == (shown > 0)).all()


def test_a_picture_is_known_by_what_is_in_it(tmp_path):
    for name in ("a.tif", "a.png"):
        Image.fromarray(COLOURS).save(tmp_path / name, "BMP")
        assert (read(tmp_path / name) == COLOURS[None]).all()


LARGE = """
import resource, sys, warnings
from pathlib import Path
from PIL import Image
from everybatch.engine.pictures.formats import reader_of
warnings.simplefilter("error")
limit, kept = Image.MAX_IMAGE_PIXELS, []
for path in map(Path, sys.argv[1:]):
    pixels = reader_of(path).pixels(path)
    kept.append(pixels)
    print(reader_of(path).header(path).shape, pixels[0, -1, -1].tolist())
assert limit == Image.MAX_IMAGE_PIXELS
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.parametrize(("mode", "corner"), [("L", 7), ("RGB", (7, 8, 9))])
def test_a_large_slide_is_no_attack(tmp_path, mode, corner):
    picture = Image.new(mode, (14_000, 14_000))
    picture.putpixel((13_999, 13_999), corner)
    picture.save(tmp_path / "a.png", compress_level=1)
    picture.save(tmp_path / "a.tif", compression="tiff_deflate")
    told = f"(1, 14000, 14000) {list(corner) if mode == 'RGB' else corner}\n"
    for path in (tmp_path / "a.png", tmp_path / "a.tif"):
        done = fresh(LARGE, path)
        assert done.stdout.startswith(told), done.stderr


def test_large_pictures_take_little_more_memory_than_their_pixels(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        Image.new("RGB", (10_000, 10_000)).save(path, compress_level=1)
    done = fresh(LARGE, *paths)
    assert int(done.stdout.splitlines()[-1]) < 1500, done.stderr


def test_a_large_webp_is_told(tmp_path):
    Image.new("L", (14_000, 14_000)).save(tmp_path / "a.webp", lossless=True, method=0)
    with pytest.raises(UsageError) as caught:
        reader_of(tmp_path / "a.webp").header(tmp_path / "a.webp")
    assert caught.value.key == "picture_too_large"


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "gif", "tif"])
def test_half_a_file_is_no_picture(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(GREY).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises((OSError, UsageError)):
        reader_of(path).pixels(path)
    with pytest.raises((OSError, UsageError)):
        reader_of(path).mask(path, FLAT)


# ---- masks ------------------------------------------------------------------------------------------------


def test_a_mask_of_another_size_is_told(tmp_path):
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    with pytest.raises(UsageError) as caught:
        reader_of(tmp_path / "a.png").mask(tmp_path / "a.png", FLAT)
    assert caught.value.key == "mask_size"
    assert (caught.value.fields["mask_size"], caught.value.fields["image_size"]) == ("30×20", "40×24")


@pytest.mark.parametrize("number", [np.uint8, np.uint16])
def test_a_written_mask_is_the_same_when_it_is_read(tmp_path, number):
    Image.fromarray(COLOURS).save(tmp_path / "a.jpg")
    reader, numbers = reader_of(tmp_path / "a.jpg"), (GREY[None] % 3).astype(number)
    path = tmp_path / f"m{reader.mask_suffix(tmp_path / 'a.jpg')}"
    reader.write_mask(path, numbers, tmp_path / "a.jpg")
    mask = reader_of(path).mask(path, reader.header(tmp_path / "a.jpg"))
    assert mask.numbers.dtype == number
    assert (mask.numbers == numbers).all()


def test_strips_of_a_large_mask_are_one_mask(tmp_path, monkeypatch):
    monkeypatch.setattr("everybatch.engine.pictures.strips.STRIP", 3 * WIDTH)
    pixels = np.dstack([COLOURS, np.where(GREY > 99, 255, 0).astype(np.uint8)])
    Image.fromarray(pixels).save(tmp_path / "a.png")
    mask = reader_of(tmp_path / "a.png").mask(tmp_path / "a.png", FLAT)
    red, green, blue = (COLOURS[..., channel].astype(int) for channel in range(3))
    assert mask.coloured
    assert (mask.numbers[0] == np.where(GREY > 99, red << 16 | green << 8 | blue, 0)).all()


# ---- which reader reads what ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stem"),
    [("case.nii.gz", "case"), ("a.b.PNG", "a.b"), ("x.tiff", "x"), (unicodedata.normalize("NFD", "ä.mha"), "ä")],
)
def test_names_without_their_suffixes(tmp_path, name, stem):
    (tmp_path / name).touch()
    assert is_picture(tmp_path / name)
    assert stem_of(tmp_path / name) == stem


def test_a_folder_keeps_its_whole_name(tmp_path):
    (tmp_path / "1.2.840.nii").mkdir()
    assert stem_of(tmp_path / "1.2.840.nii") == "1.2.840.nii"
    assert not is_picture(tmp_path / "1.2.840.nii")


@pytest.mark.parametrize("name", ["._a.png", ".a.nii.gz", "Thumbs.db", "a.gz", "notes.txt", "png"])
def test_what_is_no_picture(tmp_path, name):
    (tmp_path / name).touch()
    assert not is_picture(tmp_path / name)


def test_an_unknown_format_is_told(tmp_path):
    with pytest.raises(UsageError) as caught:
        reader_of(tmp_path / "a.psd")
    assert caught.value.key == "format_unknown"


def test_every_reader_knows_its_suffixes():
    for name in ("a.png", "a.tif", "a.nii", "a.dcm"):
        assert name[1:] in reader_of(Path(name)).suffixes


def test_pngs_are_read_without_the_other_libraries(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    script = (
        "import sys; from pathlib import Path; from everybatch.engine.pictures.formats import reader_of\n"
        "path = Path(sys.argv[1]); reader_of(path).pixels(path)\n"
        "print({'tifffile', 'nibabel', 'SimpleITK', 'imagecodecs'} & set(sys.modules))"
    )
    assert fresh(script, tmp_path / "a.png").stdout == "set()\n"
