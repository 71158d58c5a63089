"""``everybatch data`` on volumes, and on pictures whose files say how large a pixel is, or do not."""

import re
import sys

import nibabel
import numpy as np
import pytest
from everybatch.app.shown_pairs import shown_pair
from everybatch.engine.pictures.folder import read_folder

from ..support import Running


@pytest.fixture
def volumes(tmp_path):
    """Five volumes of 12 slices in the layout of nnU-Net, the most of the organ in that of their number."""
    folder = tmp_path / "volumes"
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    (folder / "dataset.json").write_text('{"labels": {"background": 0, "organ": 1}}')
    for number in range(5):
        mask = np.zeros((40, 50, 12), np.uint8)
        mask[10:20, 10:20, :6] = 1
        mask[10:30, 10:30, number] = 1
        affine = np.diag([0.7 + 1e-6 * number, 0.7, 2.5 if number < 4 else 5.0, 1])
        pixels = mask.astype(np.int16) * 100 - 50 - number
        nibabel.save(nibabel.Nifti1Image(pixels, affine), folder / "imagesTr" / f"case{number}_0000.nii.gz")
        nibabel.save(nibabel.Nifti1Image(mask, affine), folder / "labelsTr" / f"case{number}.nii.gz")
    return folder


def test_the_slices_the_spacing_and_the_range_of_numbers_are_told(volumes, tmp_path):
    command = [sys.executable, "-m", "everybatch", "data", str(volumes), "--lang", "en"]
    done = Running(command, tmp_path, {}).wait()
    assert (done.code, done.stderr) == (0, "")
    cells = [re.split(r" {2,}", line.strip()) for line in done.stdout.splitlines()]
    found = {first: rest for first, *rest in cells if rest}
    assert found["spacing"] == ["0.7×0.7×2.5 mm (4), 0.7×0.7×5 mm (1)"]
    assert found["numbers"] == ["int16 -54 … 50"]
    assert found["training"][:2] == ["4", "48"]
    assert found["organ"][-2:] == ["4/4", "1/1"]


def test_the_slice_with_the_most_foreground_is_shown(volumes):
    folder = read_folder(volumes)
    shown = [shown_pair(folder, "train", pair, 800) for pair in folder.train]
    assert [(pair.name, pair.slice, pair.slices) for pair in shown] == [
        (f"case{number}", number + 1, 12) for number in range(4)
    ]
    assert all((pair.labels == 1).sum() == 400 for pair in shown)
