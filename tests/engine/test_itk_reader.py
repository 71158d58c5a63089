"""Volumes by SimpleITK: MetaImage and NRRD."""

import numpy as np
import pytest
import SimpleITK
from everybatch.engine.pictures.formats import is_picture, reader_of, stem_of

from .test_nifti_reader import VOXELS, X, Y, Z, mask_on, refused
from .test_readers import fresh, read


def itk(path, voxels, *, vector=False, packed=False, direction=None):
    """Writes [z, y, x] with a place in the world."""
    image = SimpleITK.GetImageFromArray(voxels, isVector=vector)
    if image.GetDimension() == 3:
        image.SetDirection(direction or (0, 1, 0, -1, 0, 0, 0, 0, 1))
        image.SetOrigin((1.5, -20, 300))
        image.SetSpacing((0.7, 0.8, 2.5))
    SimpleITK.WriteImage(image, str(path), useCompression=packed)
    return path


SLICES = VOXELS.transpose(2, 1, 0)
"""As ITK has them."""


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("suffix", ["mha", "mhd", "nrrd", "nhdr"])
@pytest.mark.parametrize("number", ["uint8", "int16", "uint32", "float32", "float64"])
def test_itk_reads_every_number(tmp_path, number, suffix, packed):
    voxels = (np.abs(SLICES) % 100).astype(number)
    path = itk(tmp_path / f"a.{suffix}", voxels, packed=packed)
    assert (read(path) == voxels).all()
    assert reader_of(path).header(path).spacing == (2.5, 0.8, 0.7)
    assert [one.name for one in tmp_path.iterdir() if is_picture(one)] == [path.name]


def test_itk_slices_along_the_thinnest_axis(tmp_path):
    voxels = SLICES.transpose(1, 2, 0)  # z, y, x = 16, 20, 7
    assert (read(itk(tmp_path / "a.mha", voxels)) == voxels.transpose(2, 0, 1)).all()


@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
def test_itk_reads_channels_and_flat_pictures(tmp_path, suffix):
    voxels = np.random.default_rng(5).integers(0, 255, (Z, Y, X, 3), np.uint8)
    assert (read(itk(tmp_path / f"a.{suffix}", voxels, vector=True)) == voxels).all()
    assert (read(itk(tmp_path / f"b.{suffix}", voxels[0], vector=True)) == voxels[:1]).all()
    assert (read(itk(tmp_path / f"c.{suffix}", voxels[0, ..., 0])) == voxels[:1, ..., 0]).all()


def test_itk_and_nibabel_agree_on_where_a_volume_lies(tmp_path):
    path = itk(tmp_path / "a.mha", SLICES)
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(path)), str(tmp_path / "b.nii.gz"))
    first, second = (reader_of(one).header(one) for one in (path, tmp_path / "b.nii.gz"))
    assert np.array(first.affine) == pytest.approx(np.array(second.affine), abs=1e-4)
    mask = itk(tmp_path / "m.nrrd", SLICES % 2)
    assert (mask_on(tmp_path / "b.nii.gz", mask) == SLICES % 2).all()
    assert (mask_on(mask, tmp_path / "b.nii.gz") == SLICES).all()


def test_many_dimensions_of_itk_are_told(tmp_path):
    SimpleITK.WriteImage(
        SimpleITK.GetImageFromArray(np.zeros((3, 4, 5, 6)), isVector=False), str(tmp_path / "a.mha")
    )
    error = refused(reader_of(tmp_path / "a.mha").header, tmp_path / "a.mha")
    assert (error.key, error.fields["shape"]) == ("volume_dimensions", "6×5×4×3")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("suffix", ["mha", "mhd", "nrrd", "nhdr"])
def test_half_a_volume_of_itk_is_none(tmp_path, suffix, packed, capfd):
    path = itk(tmp_path / f"a.{suffix}", SLICES, packed=packed)
    pixels = next((one for one in tmp_path.iterdir() if one != path), path)
    pixels.write_bytes(pixels.read_bytes()[: pixels.stat().st_size // 2])
    with pytest.raises(OSError, match=r"truncated|read"):
        reader_of(path).pixels(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", ["mha", "mhd", "nrrd", "nhdr"])
def test_damage_in_packed_pixels_is_found(tmp_path, suffix):
    path = itk(tmp_path / f"a.{suffix}", SLICES, packed=True)
    pixels = next((one for one in tmp_path.iterdir() if one != path), path)
    content = bytearray(pixels.read_bytes())
    content[len(content) * 2 // 3] ^= 0x55
    pixels.write_bytes(content)
    with pytest.raises(OSError, match=r"damaged|read error"):
        reader_of(path).pixels(path)


@pytest.mark.parametrize("suffix", ["mha", "mhd", "nrrd"])
@pytest.mark.parametrize("shape", [(Z, Y, X), (Y, X, Z), (Y, X)])
def test_a_written_mask_of_itk_lies_as_its_picture(tmp_path, shape, suffix):
    voxels = np.random.default_rng(6).integers(0, 9, shape).astype(np.int16)
    path = itk(tmp_path / f"a.{suffix}", voxels)
    reader = reader_of(path)
    numbers = (reader.pixels(path) % 3).astype(np.uint16)
    written = tmp_path / f"m{reader.mask_suffix(path)}"
    reader.write_mask(written, numbers, path)
    picture, mask = SimpleITK.ReadImage(str(path)), SimpleITK.ReadImage(str(written))
    for place in ("GetOrigin", "GetSpacing", "GetDirection", "GetSize"):
        assert getattr(mask, place)() == getattr(picture, place)()
    assert (SimpleITK.GetArrayFromImage(mask) == voxels % 3).all()
    assert (mask_on(path, written) == numbers).all()


# ---- without SimpleITK ------------------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["SimpleITK"] = None
from pathlib import Path
from everybatch.engine.pictures.formats import reader_of
from everybatch.errors import UsageError
try:
    reader_of(Path(sys.argv[1]))
except UsageError as error:
    print(error.key, error.fields["path"])
"""


def test_what_needs_simpleitk_says_so(tmp_path):
    assert fresh(WITHOUT, tmp_path / "a.mha").stdout == f"medical_needed {tmp_path / 'a.mha'}\n"
    assert stem_of(tmp_path / "a.mha") == "a"
