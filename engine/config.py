"""The one dataclass that is the command line, the saved config and the help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import UsageError
from ..log.language import Language, default_language
from .save_every import SaveEvery


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Train a model and see every batch."""

    epochs: int = 200
    """Epochs to train, 1 or more (default 200)."""

    batch_size: int = 4
    """Samples per batch on each rank (per GPU), 1 or more (default 4)."""

    lr: float = 0.001
    """Learning rate, above 0 (default 0.001)."""

    log_interval: int = 1
    """Screen line every N batches, those whose index is a multiple of N; the log file has them all (default 1)."""

    log_batch_metrics: bool = False
    """Also write every batch to a CSV file (default off)."""

    task: str = "phantoms"
    """What to train: phantoms, image_folder or module:Class of your own (default phantoms)."""

    data: Path | None = None
    """Folder of pictures for image_folder, with images/ and masks/ in it (default none)."""

    classes: str | None = None
    """Classes of image_folder by the values of their masks, as in "liver=1, tumour=2" (default: by rules)."""

    window: str | None = None
    """Level and width of what image_folder tells apart, as in 40,400 for CT (default: everything)."""

    nproc: int = 0
    """Ranks (processes), one per GPU; 0 = all GPUs, without GPUs min(2, CPU cores) (default 0)."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto = cuda if there is a GPU (default auto)."""

    amp: Literal["off", "bf16", "fp16"] = "off"
    """Mixed precision (default off)."""

    grad_clip: float = 0.0
    """Largest norm of the gradient, above 0; 0 = no clipping (default 0)."""

    workers: int = 0
    """Processes that load data, per rank; 0 = the rank itself (default 0)."""

    seed: int = 0
    """Seed of the weights, the data order and the augmentation (default 0)."""

    on_nan: Literal["warn", "stop"] = "warn"
    """What to do when the loss is not finite: warn and go on, or stop and save (default warn)."""

    on_validation_error: Literal["stop", "warn"] = "stop"
    """What to do when validation fails, the epoch's training being saved: end the run, or warn and go on without
    its validation (default stop)."""

    resume: str | None = field(default=None, metadata={"alone": "latest"})
    """Go on with a run from its last checkpoint: id, beginning of one, path, or latest (default none)."""

    take_over: bool = False
    """With --resume: take over a run that may still live on another machine; it ends there (default off)."""

    save_every: str = "1"
    """Save last.pt every N epochs, or every N batches as in 500batches; always at the end (default 1)."""

    max_restarts: int = 0
    """Times that a failed run starts again from its last checkpoint by itself (default 0)."""

    timeout: int = 100
    """Seconds that ranks wait for a silent one, three times as many for the first batch (default 100)."""

    output_dir: Path = Path()
    """Folder that gets log/, metrics/, checkpoints/ and .everybatch/ (default the current folder)."""

    tui: bool = True
    """Show the monitor when there is a terminal; --no-tui prints plain lines (default on)."""

    lang: Language = field(default_factory=default_language)
    """Language of lines and messages, also by EVERYBATCH_LANG (default zh)."""

    def check(self) -> None:
        """Raise `UsageError` for a value that cannot work; looks at nothing outside this object."""
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("log_interval", 1),
            ("nproc", 0),
            ("workers", 0),
            ("seed", 0),
            ("max_restarts", 0),
            ("timeout", 1),
        ):
            if getattr(self, name) < least:
                raise UsageError("at_least", flag=f"--{name}", least=least, value=getattr(self, name))
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise UsageError("positive", flag="--lr", value=self.lr)
        if not (math.isfinite(self.grad_clip) and self.grad_clip >= 0):
            raise UsageError("not_negative", flag="--grad_clip", value=self.grad_clip)
        SaveEvery.parse(self.save_every)


def config_values(config: TrainConfig) -> dict[str, Any]:
    """The config as plain values, for JSON and for checkpoints; paths become texts."""
    values: dict[str, Any] = msgspec.to_builtins(config, enc_hook=str)
    return values


def config_from(values: Mapping[str, object]) -> TrainConfig:
    """The config that `config_values` made plain; names that it does not know are left out.

    Raises `msgspec.ValidationError` for a value of another type.
    """
    known = {field.name for field in dataclasses.fields(TrainConfig)}
    return msgspec.convert(
        {name: value for name, value in values.items() if name in known}, TrainConfig, dec_hook=_path
    )


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"{value!r} is no {kind.__name__}")
