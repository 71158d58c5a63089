"""How often a checkpoint is written: every so many epochs, or batches."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError

_FORM = re.compile(r"(\d{1,9})\s*(epochs?|batch(?:es)?)?")


@dataclass(frozen=True)
class SaveEvery:
    """Either `epochs` or `batches` is 0."""

    epochs: int
    batches: int

    @classmethod
    def parse(cls, text: str) -> SaveEvery:
        """``5`` and ``5epochs`` are epochs, ``500batches`` batches; raises `UsageError` for anything else."""
        match = _FORM.fullmatch(text.strip().lower())
        if match is None or int(match[1]) < 1:
            raise UsageError("save_every", value=text)
        number, unit = int(match[1]), match[2] or "epochs"
        return cls(number, 0) if unit.startswith("epoch") else cls(0, number)

    def after_batch(self, step: int) -> bool:
        """Whether to save after the batch `step`, 1-based over the run."""
        return bool(self.batches) and step % self.batches == 0

    def after_epoch(self, epoch: int) -> bool:
        """Whether to save after `epoch`."""
        return bool(self.epochs) and epoch % self.epochs == 0
