"""``everybatch predict [RUN] PICTURES … [--out DIR]``: masks of new pictures, by what a run has learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..run.paths import is_file, is_folder
from ..run.weights import find_weights, may_name_run
from .arguments import parse
from .own_threads import wait_without_spinning
from .predict_flags import PROGRAM, PredictConfig


def predict(arguments: Sequence[str], catalogue: Catalogue) -> int:
    """Write the masks of the pictures; the exit code. Raises `UsageError`, for what needs no torch at once."""
    config = parse(PredictConfig, arguments, PROGRAM)
    run = config.named[0] if config.named and may_name_run(config.named[0]) else None
    paths = [Path(one) for one in (config.named if run is None else config.named[1:])]
    if not paths:
        raise UsageError("predict_nothing_given", command=PROGRAM)
    for path in paths:
        if not (is_file(path) or is_folder(path)):
            raise UsageError("predict_missing", path=str(path))
    weights = find_weights(run)
    wait_without_spinning()
    from .predict_pictures import predict_pictures

    return predict_pictures(weights, paths, config, catalogue)
