"""TIFFs of microscopes and scanners: stacks, channels, pyramids, any numbers."""

import struct

import numpy as np
import pytest
import tifffile
from everybatch.engine.pictures.formats import reader_of
from everybatch.engine.pictures.reader import Header
from everybatch.errors import UsageError
from PIL import Image

from .test_readers import COLOURS, FLAT, GREY, HEIGHT, WIDTH, fresh, read

STACK = np.random.default_rng(2).integers(0, 256, (5, HEIGHT, WIDTH), np.uint8)
DEEP = Header(5, HEIGHT, WIDTH, 1, "uint8")


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"tile": (16, 16)}, {"byteorder": ">"}])
@pytest.mark.parametrize(
    "number", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]
)
def test_numbers_of_every_type_are_read_to_the_bit(tmp_path, number, options):
    pixels = (GREY.astype(np.float64) * 1.5 - 100).astype(number)
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    found = read(tmp_path / "a.tif")
    assert found.dtype == np.dtype(number)
    assert (found == pixels[None]).all()


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("number", ["uint8", "uint16", "float32"])
def test_packed_numbers_are_read_to_the_bit(tmp_path, number, compression):
    tifffile.imwrite(tmp_path / "a.tif", STACK.astype(number), compression=compression, photometric="minisblack")
    assert (read(tmp_path / "a.tif") == STACK.astype(number)).all()


@pytest.mark.parametrize("kind", ["plain", "ome", "imagej", "pillow"])
def test_pages_are_slices(tmp_path, kind):
    path = tmp_path / "a.tif"
    if kind == "pillow":
        pages = [Image.fromarray(page) for page in STACK]
        pages[0].save(path, save_all=True, append_images=pages[1:])
    elif kind == "plain":
        tifffile.imwrite(path, STACK)
    else:
        tifffile.imwrite(path, STACK, metadata={"axes": "ZYX"}, **{kind: True})
    assert (read(path) == STACK).all()


@pytest.mark.parametrize("kind", ["ome", "imagej"])
@pytest.mark.parametrize(
    ("axes", "shape"), [("CYX", (2,)), ("ZCYX", (5, 2)), ("TZCYX", (3, 5, 2)), ("TZYX", (3, 5))]
)
def test_axes_say_what_is_a_channel_and_what_a_slice(tmp_path, axes, shape, kind):
    pixels = np.random.default_rng(3).integers(0, 9000, (*shape, HEIGHT, WIDTH), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata={"axes": axes}, **{kind: True})
    channels = (2,) if "C" in axes else ()
    wanted = np.moveaxis(pixels, axes.index("C"), -1) if channels else pixels
    assert (read(tmp_path / "a.tif") == wanted.reshape(-1, HEIGHT, WIDTH, *channels)).all()


@pytest.mark.parametrize("number", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("channels", [3, 5])
def test_samples_are_channels_however_they_lie(tmp_path, channels, planes, number):
    pixels = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, channels)).astype(number)
    stored = pixels if planes == "contig" else np.moveaxis(pixels, -1, 0)
    photometric = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric, planarconfig=planes)
    found = read(tmp_path / "a.tif")
    assert found.dtype == number
    assert (found[0] == pixels).all()


def test_a_fourth_band_is_a_channel_and_alpha_is_none(tmp_path):
    pixels = np.dstack([COLOURS, GREY])
    tifffile.imwrite(tmp_path / "band.tif", pixels, photometric="rgb", extrasamples=["unspecified"])
    tifffile.imwrite(tmp_path / "alpha.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    assert (read(tmp_path / "band.tif")[0] == pixels).all()
    assert (read(tmp_path / "alpha.tif")[0] == COLOURS).all()


def test_a_stack_of_colours_has_slices_and_channels(tmp_path):
    pixels = np.stack([COLOURS, COLOURS[::-1], COLOURS // 2])
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    assert (read(tmp_path / "a.tif") == pixels).all()


def test_thumbnails_and_levels_of_a_pyramid_are_no_slices(tmp_path):
    slide = np.random.default_rng(5).integers(0, 256, (128, 160, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(slide, tile=(32, 32), photometric="rgb", subifds=2)
        for step in (2, 4):
            tiff.write(slide[::step, ::step], tile=(32, 32), photometric="rgb", subfiletype=1)
        tiff.write(slide[:30, :30, 0])
    assert (read(tmp_path / "a.tif") == slide[None]).all()


def test_pages_that_are_smaller_are_no_slices(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.tif", save_all=True, append_images=[Image.new("L", (10, 6))])
    assert (read(tmp_path / "a.tif") == GREY[None]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_fractions_are_turned_as_the_file_says(tmp_path, orientation):
    for name, number in (("a", np.uint8), ("b", np.float64)):
        tag = (274, 3, 1, orientation, True)
        tifffile.imwrite(tmp_path / f"{name}.tif", GREY.astype(number), extratags=[tag])
    assert (read(tmp_path / "a.tif") == read(tmp_path / "b.tif")).all()


# ---- damage -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["plain", "zlib", "ome", "imagej", "hyperstack", "pillow", "float"])
def test_a_stack_that_ends_too_soon_is_no_stack(tmp_path, kind, part):
    path = tmp_path / "a.tif"
    if kind == "pillow":
        pages = [Image.fromarray(page) for page in STACK]
        pages[0].save(path, save_all=True, append_images=pages[1:])
    elif kind == "hyperstack":  # one page that tells of all images behind it, as ImageJ writes them
        tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZYX"})
        content = bytearray(path.read_bytes())
        with tifffile.TiffFile(path) as tiff:
            end = tiff.pages[0].offset + 2 + 12 * len(tiff.pages[0].tags)
            pixels = tiff.pages[0].dataoffsets[0]
        content[end : end + 4] = struct.pack("<I", 0)
        path.write_bytes(content[: pixels + STACK.size])
        assert (read(path) == STACK).all()
    elif kind == "zlib":
        tifffile.imwrite(path, STACK, compression="zlib", photometric="minisblack")
    elif kind in ("ome", "imagej"):
        tifffile.imwrite(path, STACK, metadata={"axes": "ZYX"}, **{kind: True})
    else:
        tifffile.imwrite(path, STACK.astype(float) if kind == "float" else STACK)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises((OSError, ValueError, UsageError)):
        reader_of(path).pixels(path)
    with pytest.raises((OSError, ValueError, UsageError)):
        reader_of(path).mask(path, DEEP)


QUIET = """
import sys
from pathlib import Path
from everybatch.engine.pictures.formats import reader_of
path = Path(sys.argv[1])
try:
    reader_of(path).pixels(path)
except OSError as error:
    print(error)
"""


def test_what_tifffile_says_of_a_file_is_not_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, metadata={"axes": "ZYX"})
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:4000])
    done = fresh(QUIET, tmp_path / "a.tif")
    assert (done.stdout, done.stderr) == ("the file is truncated behind page 1\n", "")


def test_a_damaged_page_is_no_page(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(float), compression="zlib")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[-100] ^= 1
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises((OSError, RuntimeError), match=r"(?i)zlib"):
        reader_of(tmp_path / "a.tif").pixels(tmp_path / "a.tif")


# ---- masks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [np.uint8, np.float32, np.int32])
def test_pages_over_a_flat_picture_are_objects_and_over_a_stack_slices(tmp_path, number):
    tifffile.imwrite(tmp_path / "a.tif", STACK.astype(number) % 2)
    objects = reader_of(tmp_path / "a.tif").mask(tmp_path / "a.tif", FLAT)
    wanted = np.zeros((HEIGHT, WIDTH), int)
    for page, pixels in enumerate(STACK % 2, 1):
        wanted[pixels > 0] = page
    assert objects.objects
    assert (objects.numbers == wanted[None]).all()
    slices = reader_of(tmp_path / "a.tif").mask(tmp_path / "a.tif", DEEP)
    assert not slices.objects
    assert (slices.numbers == STACK % 2).all()


def test_a_mask_with_other_slices_is_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK)
    with pytest.raises(UsageError) as caught:
        reader_of(tmp_path / "a.tif").mask(tmp_path / "a.tif", Header(4, HEIGHT, WIDTH, 1, "uint8"))
    assert (caught.value.key, caught.value.fields["mask_size"]) == ("mask_size", "40×24×5")


def test_a_grey_slice_among_coloured_ones_is_of_the_same_colours(tmp_path):
    pixels = np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)
    pixels[0, :4], pixels[:, 6:9] = (255, 0, 0), (255, 255, 255)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    mask = reader_of(tmp_path / "a.tif").mask(tmp_path / "a.tif", Header(2, HEIGHT, WIDTH, 1, "uint8"))
    assert mask.coloured
    assert [np.unique(one).tolist() for one in mask.numbers] == [[0, 0xFF0000, 0xFFFFFF], [0, 0xFFFFFF]]


def test_a_mask_of_many_channels_is_told_unless_they_are_the_same(tmp_path):
    path, pixels = tmp_path / "a.tif", np.repeat(GREY[..., None], 5, axis=-1).astype(np.uint16)
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    assert (reader_of(path).mask(path, FLAT).numbers == GREY[None]).all()
    pixels[3, 3, 3] += 1
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    with pytest.raises(UsageError) as caught:
        reader_of(path).mask(path, FLAT)
    assert (caught.value.key, caught.value.fields["channels"]) == ("mask_channels", 5)


@pytest.mark.parametrize("slices", [1, 3, 5])
@pytest.mark.parametrize("number", [np.uint8, np.uint16])
def test_a_written_mask_is_the_same_when_it_is_read(tmp_path, number, slices):
    tifffile.imwrite(tmp_path / "a.tif", STACK[:slices].astype(np.float32), photometric="minisblack")
    reader, numbers = reader_of(tmp_path / "a.tif"), STACK[:slices].astype(number) % 3
    path = tmp_path / f"m{reader.mask_suffix(tmp_path / 'a.tif')}"
    reader.write_mask(path, numbers, tmp_path / "a.tif")
    mask = reader_of(path).mask(path, reader.header(tmp_path / "a.tif"))
    assert mask.numbers.dtype == number
    assert (mask.numbers == numbers).all()


# ---- without imagecodecs ----------------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["imagecodecs"] = None
from pathlib import Path
from everybatch.engine.pictures.formats import reader_of
from everybatch.errors import UsageError
path = Path(sys.argv[1])
try:
    print(reader_of(path).header(path).number, reader_of(path).pixels(path).sum(dtype=float))
except UsageError as error:
    print(error.key, error.fields["codec"])
"""


@pytest.mark.parametrize(
    ("number", "compression", "said"),
    [
        ("uint8", "lzw", "uint8 {sum:.1f}"),
        ("float32", "lzw", "float32 {sum:.1f}"),
        ("int32", "lzw", "int32 {sum:.1f}"),
        ("float64", "zlib", "float64 {sum:.1f}"),
        ("float64", "lzw", "codec_needed LZW"),
        ("uint32", "lzw", "codec_needed LZW"),
    ],
)
def test_what_pillow_unpacks_needs_no_imagecodecs_and_the_rest_is_told(tmp_path, number, compression, said):
    tifffile.imwrite(tmp_path / "a.tif", STACK.astype(number), compression=compression, photometric="minisblack")
    done = fresh(WITHOUT, tmp_path / "a.tif")
    assert done.stdout.strip() == said.format(sum=STACK.sum(dtype=float)), done.stderr
