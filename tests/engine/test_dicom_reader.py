"""DICOM: a file, and a folder of files as one volume."""

import locale

import numpy as np
import pytest
import SimpleITK
from everybatch.engine.pictures.formats import is_picture, reader_of, stem_of

from .test_nifti_reader import VOXELS, X, Y, Z, mask_on, refused
from .test_readers import fresh, read

SLICES = VOXELS.transpose(2, 1, 0)
ORIGIN, SPACING, DIRECTION = (-10.0, 20.0, 30.0), (0.7, 0.8, 2.5), (1.0, 0, 0, 0, 0, 1, 0, -1, 0)


def series(
    folder, slices=SLICES, *, uid="1.2.826.0.1.3680043.2.1125.7", name="{}.dcm", intercept=None, described=""
):
    """Writes a series, its files in another order than its slices."""
    folder.mkdir(exist_ok=True)
    before = locale.setlocale(locale.LC_ALL)
    volume = SimpleITK.GetImageFromArray(slices)
    volume.SetOrigin(ORIGIN)
    volume.SetSpacing(SPACING)
    volume.SetDirection(DIRECTION)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number in range(len(slices)):
        one = volume[:, :, number]
        position = volume.TransformIndexToPhysicalPoint((0, 0, number))
        tags = {
            "0008|0008": "DERIVED\\SECONDARY",
            "0008|0018": f"{uid}.{number + 1}",
            "0008|0060": "CT",
            "0008|103e": described,
            "0020|000d": "1.2.826.0.1.3680043.2.1125.1",
            "0020|000e": uid,
            "0020|0013": str(number),
            "0020|0032": "\\".join(map(str, position)),
            "0020|0037": "\\".join(str(DIRECTION[place]) for place in (0, 3, 6, 1, 4, 7)),
        }
        if intercept is not None:
            tags |= {"0028|1052": str(intercept), "0028|1053": "1"}
        for tag, value in tags.items():
            one.SetMetaData(tag, value)
        path = folder / name.format(len(slices) - number)
        writer.SetFileName(str(path.with_suffix(".dcm")))
        writer.Execute(one)
        path.with_suffix(".dcm").rename(path)
    locale.setlocale(locale.LC_ALL, before)  # GDCM leaves the process with another one
    return folder


@pytest.mark.parametrize("name", ["{}.dcm", "IM{:04}"])
def test_a_folder_of_dicom_files_is_a_volume(tmp_path, name):
    folder = series(tmp_path / "case.1", name=name)
    (folder / "notes.txt").write_text("of the scan")
    assert is_picture(folder)
    assert stem_of(folder) == "case.1"
    assert (read(folder) == SLICES).all()
    header = reader_of(folder).header(folder)
    assert header.spacing == pytest.approx(SPACING[::-1])
    right, front, top = np.array(header.affine)[:3] @ [1, 0, 0, 1]  # one slice further
    assert (right, front, top) == pytest.approx((10, -22.5, 30))
    assert not is_picture(tmp_path)


def test_ct_is_in_hu(tmp_path):
    folder = series(tmp_path / "a", intercept=-1024)
    assert (read(folder) == SLICES).all()
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.count(b"-1024 ") == 1
        path.write_bytes(content.replace(b"-1024 ", b"-1000 "))
    assert (read(folder) == SLICES + 24).all()


def test_a_single_file_is_a_picture(tmp_path):
    series(tmp_path / "a")
    path = tmp_path / "a" / "1.dcm"
    assert (is_picture(path), stem_of(path)) == (True, "1")
    assert (read(path) == SLICES[-1:]).all()


def test_colours_are_channels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (Y, X, 3), np.uint8)
    image = SimpleITK.GetImageFromArray(pixels, isVector=True)
    SimpleITK.WriteImage(image, str(tmp_path / "a.dcm"))
    assert (read(tmp_path / "a.dcm") == pixels[None]).all()


def test_several_series_in_a_folder_are_named(tmp_path):
    series(tmp_path / "a", described="native")
    series(tmp_path / "a", SLICES[:3], uid="1.2.826.0.1.3680043.2.1125.8", name="{}b.dcm", described="contrast")
    error = refused(reader_of(tmp_path / "a").header, tmp_path / "a")
    assert (error.key, error.fields["count"]) == ("series_many", 2)
    assert error.fields["names"] == "native (7.dcm …); contrast (3b.dcm …)"


GAP = """
import sys
from pathlib import Path
from everybatch.engine.pictures.formats import reader_of
from everybatch.errors import UsageError
path = Path(sys.argv[1])
try:
    reader_of(path).pixels(path)
except UsageError as error:
    print(error.key, error.fields["least"], error.fields["most"])
"""


def test_a_missing_slice_is_told_and_itk_says_nothing(tmp_path):
    folder = series(tmp_path / "a")
    (folder / "4.dcm").unlink()
    done = fresh(GAP, folder)
    assert (done.stdout, done.stderr) == ("series_uneven 2.5 5.0\n", "")


@pytest.mark.parametrize("number", [1, 4, 7])
def test_a_damaged_slice_is_named_wherever_it_lies(tmp_path, number):
    folder = series(tmp_path / "a")
    path = folder / f"{number}.dcm"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    error = refused(reader_of(folder).pixels, folder)
    assert (error.key, error.fields["path"]) == ("series_damaged", str(path))


def test_half_a_file_is_no_picture(tmp_path):
    path = series(tmp_path / "a") / "1.dcm"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OSError, match=r"^(Unable to determine ImageIO|.*[Rr]ead)[^\n]*$"):
        reader_of(path).pixels(path)


@pytest.mark.parametrize("number", [np.uint8, np.uint16])
def test_a_written_mask_lies_on_its_series(tmp_path, number):
    folder = series(tmp_path / "a")
    reader, numbers = reader_of(folder), (SLICES % 3).astype(number)
    path = tmp_path / f"m{reader.mask_suffix(folder)}"
    reader.write_mask(path, numbers, folder)
    assert path.name == "m.nii.gz"
    mask = SimpleITK.ReadImage(str(path))
    assert mask.GetSize() == (X, Y, Z)
    assert mask.GetOrigin() == pytest.approx(ORIGIN)
    assert mask.GetSpacing() == pytest.approx(SPACING)
    assert mask.GetDirection() == pytest.approx(DIRECTION)
    assert read(path).dtype == number
    assert (mask_on(folder, path) == numbers).all()
