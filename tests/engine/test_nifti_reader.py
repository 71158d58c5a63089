"""NIfTI volumes, and the masks that lie on them."""

import gzip
import itertools

import nibabel
import numpy as np
import pytest
from everybatch.engine.pictures.formats import reader_of
from everybatch.errors import UsageError

from .test_readers import fresh, read

X, Y, Z = 20, 16, 7
VOXELS = np.random.default_rng(0).integers(-1000, 3000, (X, Y, Z)).astype(np.int16)
MARKED = (np.random.default_rng(1).random((X, Y, Z)) > 0.8).astype(np.uint8)
AFFINE = np.array([[-0.7, 0.1, 0, 90], [0.08, 0.8, 0, -120], [0, 0, 2.5, 33.25], [0, 0, 0, 1]])


def nifti(path, voxels, affine=AFFINE):
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return path


def refused(act, *arguments):
    with pytest.raises(UsageError) as caught:
        act(*arguments)
    return caught.value


# ---- NIfTI ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
def test_an_axial_volume_is_slices_rows_and_columns(tmp_path, name):
    path = nifti(tmp_path / name, VOXELS)
    assert (read(path) == VOXELS.transpose(2, 1, 0)).all()
    header = reader_of(path).header(path)
    assert header.spacing == pytest.approx(tuple(np.linalg.norm(AFFINE[:3, :3], axis=0)[::-1]), rel=1e-5)
    at = np.array([3, 2, 1, 1])  # slice, row, column
    assert np.array(header.affine) @ at == pytest.approx(AFFINE @ [1, 2, 3, 1], abs=1e-4)


@pytest.mark.parametrize(
    ("shape", "zooms", "order"),
    [
        ((9, 4, 9), (1, 1, 1), (1, 2, 0)),
        ((3, 9, 8), (1, 1, 1), (0, 2, 1)),
        ((6, 6, 6), (1, 1, 1), (2, 1, 0)),
        ((6, 6, 6), (1, 3, 2), (1, 2, 0)),
        ((6, 6, 9), (2, 2, 1), (1, 2, 0)),
        ((6, 6, 9), (3, 2, 9), (0, 2, 1)),
    ],
)
def test_slices_lie_along_the_thinnest_axis(tmp_path, shape, zooms, order):
    voxels = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    path = nifti(tmp_path / "a.nii", voxels, np.diag([*zooms, 1]))
    assert (read(path) == voxels.transpose(order)).all()


@pytest.mark.parametrize(
    "number", ["uint8", "int8", "uint16", "int32", "int64", "float32", "float64", ">i2", ">f4"]
)
def test_numbers_that_are_not_scaled_keep_their_type(tmp_path, number):
    voxels = (np.abs(VOXELS) % 100).astype(number)
    image = nibabel.Nifti1Image(voxels, AFFINE, nibabel.Nifti1Header(endianness=">" if ">" in number else "<"))
    image.set_data_dtype(voxels.dtype)
    nibabel.save(image, tmp_path / "a.nii")
    assert (read(tmp_path / "a.nii") == voxels.transpose(2, 1, 0)).all()


@pytest.mark.parametrize(
    ("slope", "inter", "stored", "number"),
    [
        (1, -1024, np.uint8, "int16"),
        (1, -1024, np.int16, "int32"),
        (2, 0, np.uint8, "uint16"),
        (-1, 255, np.uint8, "uint8"),
        (0.5, 0, np.int16, "float32"),
        (1, 0.25, np.uint8, "float32"),
        (3, 0, np.float64, "float32"),
    ],
)
def test_slope_and_intercept_are_applied(tmp_path, slope, inter, stored, number):
    voxels = (VOXELS % 200).astype(stored)
    image = nibabel.Nifti1Image(voxels, AFFINE)
    image.header.set_data_dtype(stored)
    nibabel.save(image, tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[112:120] = np.array([slope, inter], "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    pixels = read(tmp_path / "a.nii")
    assert pixels.dtype == number
    assert pixels == pytest.approx(nibabel.load(tmp_path / "a.nii").get_fdata().transpose(2, 1, 0))
    assert pixels.min() < inter + slope * 100 or slope < 0


@pytest.mark.parametrize(
    ("shape", "slices", "channels"),
    [((X, Y), 1, 1), ((X, Y, 1), 1, 1), ((X, Y, Z, 1), Z, 1), ((X, Y, Z, 4), Z, 4), ((X, Y, Z, 1, 3), Z, 3)],
)
def test_more_or_fewer_dimensions(tmp_path, shape, slices, channels):
    voxels = np.random.default_rng(2).integers(0, 99, shape).astype(np.int16)
    pixels = read(nifti(tmp_path / "a.nii.gz", voxels))
    wanted = voxels.reshape(X, Y, slices, channels).transpose(2, 1, 0, 3)
    assert (pixels == (wanted if channels > 1 else wanted[..., 0])).all()


def test_colours_are_channels(tmp_path):
    voxels = np.random.default_rng(2).integers(0, 255, (X, Y, Z, 3)).astype(np.uint8)
    packed = voxels.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    assert (read(nifti(tmp_path / "a.nii", packed)) == voxels.transpose(2, 1, 0, 3)).all()


@pytest.mark.parametrize("shape", [(X, Y, Z, 40), (X, Y, Z, 2, 3)])
def test_many_volumes_in_a_file_are_told(tmp_path, shape):
    path = nifti(tmp_path / "a.nii.gz", np.zeros(shape, np.uint8))
    error = refused(reader_of(path).header, path)
    assert (error.key, error.fields["shape"]) == ("volume_dimensions", "×".join(map(str, shape)))


def test_complex_numbers_are_told(tmp_path):
    path = nifti(tmp_path / "a.nii", VOXELS.astype(np.complex64))
    assert refused(reader_of(path).header, path).key == "numbers_unknown"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_half_a_volume_is_none(tmp_path, name):
    path = nifti(tmp_path / name, VOXELS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises((OSError, EOFError), match=r"truncated|ended before"):
        reader_of(path).pixels(path)


def test_a_wrong_byte_in_a_packed_volume_is_found(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", VOXELS)
    path.write_bytes(gzip.compress(nifti(tmp_path / "b.nii", VOXELS).read_bytes(), 0))  # stored as it is
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        reader_of(path).pixels(path)


QUIET = """
import sys, nibabel
from pathlib import Path
from everybatch.engine.pictures.formats import reader_of
path = Path(sys.argv[1])
reader_of(path).pixels(path)
print("read", file=sys.stderr)
nibabel.load(path)
"""


def test_what_nibabel_says_of_a_header_is_not_said_here_but_to_others(tmp_path):
    path = nifti(tmp_path / "a.nii", VOXELS)
    content = bytearray(path.read_bytes())
    content[80:84] = np.array([-0.7], "<f4").tobytes()
    path.write_bytes(content)
    assert fresh(QUIET, path).stderr.startswith("read\npixdim")


# ---- masks of NIfTI ---------------------------------------------------------------------------------------


def mask_on(picture, mask):
    return reader_of(mask).mask(mask, reader_of(picture).header(picture)).numbers


@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_a_mask_is_turned_as_its_picture_lies(tmp_path, axes, flips):
    picture = nifti(tmp_path / "a.nii", VOXELS)
    turns = np.array([*zip(axes, flips, strict=True)])
    turned = nibabel.orientations.apply_orientation(MARKED, turns)
    affine = AFFINE @ nibabel.orientations.inv_ornt_aff(turns, MARKED.shape)
    mask = nifti(tmp_path / "m.nii.gz", turned, affine)
    assert (mask_on(picture, mask) == MARKED.transpose(2, 1, 0)).all()


@pytest.mark.parametrize("affine", [np.eye(4), AFFINE + np.eye(4, k=3) * 0.2, AFFINE * [[1.05, 1, 1, 1]]])
def test_a_mask_that_lies_elsewhere_is_told(tmp_path, affine):
    voxels = np.zeros((20, 20, 20), np.uint8)
    picture, mask = nifti(tmp_path / "a.nii", voxels), nifti(tmp_path / "m.nii", voxels, affine)
    error = refused(mask_on, picture, mask)
    assert error.key == "mask_elsewhere"
    assert error.fields["path"] == str(mask)


def test_a_mask_that_lies_a_hair_beside_its_picture_is_taken(tmp_path):
    picture = nifti(tmp_path / "a.nii", VOXELS)
    mask = nifti(tmp_path / "m.nii", MARKED, AFFINE + np.eye(4, k=3) * 0.01)
    assert (mask_on(picture, mask) == MARKED.transpose(2, 1, 0)).all()


def test_a_mask_that_says_of_no_place_is_taken_as_it_is(tmp_path):
    picture, mask = nifti(tmp_path / "a.nii", VOXELS), nifti(tmp_path / "m.nii", MARKED, None)
    assert reader_of(mask).header(mask).affine is None
    assert (mask_on(picture, mask) == MARKED.transpose(2, 1, 0)).all()


def test_a_mask_with_other_voxels_is_told(tmp_path):
    picture, mask = nifti(tmp_path / "a.nii", VOXELS), nifti(tmp_path / "m.nii", MARKED[:, :, :5])
    error = refused(mask_on, picture, mask)
    assert (error.key, error.fields["mask_size"], error.fields["image_size"]) == ("mask_size", "20×16×5", "20×16×7")


def test_a_mask_with_channels_is_told(tmp_path):
    picture, mask = nifti(tmp_path / "a.nii", VOXELS), nifti(tmp_path / "m.nii", np.zeros((X, Y, Z, 2), np.uint8))
    assert refused(mask_on, picture, mask).key == "mask_channels"


@pytest.mark.parametrize("shape", [(X, Y, Z), (Z, X, Y), (X, Z, Y), (X, Y), (X, Y, 1), (X, Y, Z, 1), (X, Y, Z, 3)])
@pytest.mark.parametrize("number", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_written_mask_lies_as_its_picture(tmp_path, kind, number, shape):
    voxels = np.random.default_rng(3).integers(0, 9, shape).astype(np.int16)
    picture = kind(voxels, AFFINE)
    picture.set_sform(AFFINE, 4)
    picture.set_qform(AFFINE, 1)
    picture.header.set_slope_inter(2, 0)
    picture.header["cal_max"] = 300
    path = tmp_path / "a.nii.gz"
    nibabel.save(picture, path)
    picture, reader = nibabel.load(path), reader_of(path)
    numbers = np.random.default_rng(4).integers(0, 255, reader.header(path).shape).astype(number)
    written = tmp_path / f"m{reader.mask_suffix(path)}"
    reader.write_mask(written, numbers, path)
    mask, spatial = nibabel.load(written), shape[:3] if shape[3:] != (1,) else shape
    assert mask.shape == spatial
    assert mask.get_data_dtype() == number
    assert (mask.affine == picture.affine).all()
    assert mask.header.get_zooms() == picture.header.get_zooms()[: len(spatial)]
    for code in ("qform_code", "sform_code", "quatern_b", "xyzt_units"):
        assert mask.header[code] == picture.header[code]
    assert mask.header["cal_max"] == 0
    assert (mask_on(path, written) == numbers).all()
    assert (np.asarray(mask.dataobj).sum()) == numbers.sum()
