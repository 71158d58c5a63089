"""Goes through pictures with a checkpoint, writes their masks, and tells what was found."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.pictures.formats import reader_of
from ..engine.pictures.mask_files import put_in_place, write_mask
from ..engine.pictures.overlay import write_overlay
from ..engine.pictures.picture_files import PictureFiles, pictures_at
from ..engine.prediction import Predictor, device_of, read_first, read_parts, shares
from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..run.weights import Weights
from .predict_flags import PredictConfig
from .predict_progress import PredictProgress

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
DATA_FLAG = "--data: "
"""Before what readers say of a file, as that of a training."""


def predict_pictures(weights: Weights, paths: Sequence[Path], config: PredictConfig, catalogue: Catalogue) -> int:
    """Write the masks; 0, 1 where a picture failed, 130 after Ctrl-C. Raises `UsageError` before any is written."""
    device = device_of(config.device)
    path, learnt = read_first(
        weights.paths, lambda error: print(catalogue.text(error.key, **error.fields), file=sys.stderr)
    )
    pictures, said = pictures_at(paths, several_files=learnt.recipe.several_files)
    targets = _targets(pictures, config)
    names = ", ".join(one.name for one in learnt.recipe.classes)
    print(catalogue.text("predict_model", path=str(path), epoch=learnt.epoch, classes=names, device=str(device)))
    for key, fields in said:
        print(catalogue.text(key, **fields))
    return _Prediction(Predictor(learnt, device), config, catalogue).run(targets)


def _targets(pictures: Sequence[PictureFiles], config: PredictConfig) -> dict[Path, PictureFiles]:
    """The picture of each mask to be written; raises `UsageError` where one would take the place of a file."""
    inputs = {path.resolve() for picture in pictures for path in picture.files}
    targets: dict[Path, PictureFiles] = {}
    for picture in pictures:
        target = config.out / f"{picture.name}{_suffix_of(picture)}"
        written = [target, _overlay_of(target, picture)] if config.overlay else [target]
        for path in written:
            if path.resolve() in inputs:
                raise UsageError("predict_overwrites", path=str(path))
        if target in targets:
            first, second = (str(one.files[0]) for one in (targets[target], picture))
            raise UsageError("predict_same_name", first=first, second=second, path=str(target))
        targets[target] = picture
    return targets


def _suffix_of(picture: PictureFiles) -> str:
    return reader_of(picture.files[0]).mask_suffix(picture.files[0])


def _overlay_of(target: Path, picture: PictureFiles) -> Path:
    return target.with_name(f"{picture.name}_overlay.png")


class _Prediction:
    """Goes through the pictures and tells of each what was found."""

    def __init__(self, predictor: Predictor, config: PredictConfig, catalogue: Catalogue) -> None:
        self._predictor = predictor
        self._config = config
        self._catalogue = catalogue
        self._written = 0
        self._failed = 0

    def run(self, targets: Mapping[Path, PictureFiles]) -> int:
        """The exit code."""
        began = time.monotonic()
        interrupted = False
        with PredictProgress(len(targets)) as progress:
            try:
                for target, picture in targets.items():
                    progress.begins(picture.name)
                    self._one(target, picture, progress)
                    progress.done()
            except KeyboardInterrupt:
                interrupted = True
        self._sum_up(len(targets), time.monotonic() - began)
        return EXIT_INTERRUPTED if interrupted else EXIT_FAILED if self._failed else 0

    def _one(self, target: Path, picture: PictureFiles, progress: PredictProgress) -> None:
        predictor = self._predictor
        shown = str(picture.files[0])
        try:
            parts = read_parts(picture, predictor.recipe)
            labels = predictor.labels(parts, progress.share)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one file, the others go on
            self._tell_failure("predict_failed", shown, error)
            return
        try:
            with put_in_place(target.parent) as folder:
                write_mask(folder / target.name, labels, predictor.recipe, picture.files[0])
                if self._config.overlay:
                    write_overlay(folder / _overlay_of(target, picture).name, parts, labels)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell_failure("predict_not_written", str(target), error)
            return
        self._written += 1
        print(self._catalogue.text("predict_found", name=shown, found=self._found(labels)), flush=True)

    def _tell_failure(self, key: str, path: str, error: Exception) -> None:
        self._failed += 1
        if isinstance(error, UsageError):
            reason = self._catalogue.text(error.key, **error.fields).removeprefix(DATA_FLAG)
        else:
            reason = str(error) or type(error).__name__
        print(self._catalogue.text(key, path=path, reason=reason), file=sys.stderr, flush=True)

    def _found(self, labels: Any) -> str:
        """Each class that occurs, with its share of the pixels."""
        classes = self._predictor.recipe.classes
        each = zip(classes, shares(labels, len(classes)), strict=True)
        found = [f"{one.name} {100 * share:.2f}%" for one, share in list(each)[1:] if share]
        return ", ".join(found) or self._catalogue.text("predict_nothing")

    def _sum_up(self, total: int, seconds: float) -> None:
        fields: dict[str, Any] = {"count": self._written, "path": str(self._config.out), "seconds": seconds}
        print(self._catalogue.text("predict_done", **fields))
        if self._written < total:
            print(self._catalogue.text("predict_without", count=total - self._written), file=sys.stderr)
