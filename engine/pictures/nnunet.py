"""The folders of nnU-Net v2, as they lie on the disk.

``imagesTr/case_0000.nii.gz``, one file a channel, ``labelsTr/case.nii.gz``, and ``dataset.json`` with the names of
the classes (https://github.com/MIC-DKFZ/nnUNet, documentation/dataset_format.md).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ..task import some_of
from .class_names import ClassNames, of_mapping
from .formats import stem_of
from .pairs import FilePair, PicturesFound, left_out, pictures_in

CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")


def is_nnunet(folder: Path) -> bool:
    """Whether `folder` is laid out like this."""
    return (folder / "imagesTr").is_dir()


def find_nnunet(folder: Path) -> PicturesFound:
    """The pairs of `folder`; raises `UsageError` for a case without a channel or a mask."""
    files, others = pictures_in(folder / "imagesTr")
    masks, other_masks = pictures_in(folder / "labelsTr")
    cases: dict[str, dict[int, Path]] = {}
    for name, path in files.items():
        match = CHANNEL.fullmatch(name)
        if match is None:
            others.append(path.name)
        else:
            cases.setdefault(match["case"], {})[int(match["channel"])] = path
    if not cases:
        raise UsageError("data_empty", path=str(folder / "imagesTr"))
    missing = [case for case in cases if case not in masks]
    if missing:
        raise UsageError("masks_missing", count=len(missing), path=str(folder / "labelsTr"), names=some_of(missing))
    channels = sorted({channel for found in cases.values() for channel in found})
    for case, found in cases.items():
        for channel in channels:
            if channel not in found:
                raise UsageError(
                    "channel_missing", case=case, channel=f"{channel:04}", path=str(folder / "imagesTr")
                )
    pairs = [
        FilePair(case, tuple(found[channel] for channel in channels), (masks[case],))
        for case, found in sorted(cases.items())
    ]
    alone = [path.name for path in masks.values() if stem_of(path) not in cases]
    said = left_out("left_other", others, folder / "imagesTr")
    said += left_out("left_other", other_masks, folder / "labelsTr")
    said += left_out("left_masks", alone, folder / "labelsTr")
    return PicturesFound(pairs, said, _classes(folder / "dataset.json"))


def _classes(file: Path) -> ClassNames | None:
    """The classes as they are named; None without such a file."""
    if not file.exists():
        return None
    try:
        labels: Any = json.loads(file.read_text("utf-8-sig"))["labels"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError("split_unreadable", path=str(file), reason=repr(error)) from error
    if not isinstance(labels, dict):
        raise UsageError("classes_unreadable", where=str(file), part=f"labels: {labels}")
    if labels and all(str(name).isdigit() for name in labels):  # version 1 has them the other way round
        labels = {name: int(number) for number, name in labels.items()}
    regions = [name for name, value in labels.items() if isinstance(value, list)]
    if regions:
        raise UsageError("classes_regions", path=str(file), names=some_of(regions))
    return of_mapping(labels, str(file))
