"""Random numbers that are drawn apart from the rest of a process."""

from __future__ import annotations

import random
from types import TracebackType
from typing import Any

import numpy as np
import torch


class OwnRandom:
    """Random numbers for one purpose, apart from those of the rest of the process.

    They are drawn in its ``with`` blocks: the first one begins with the seed, each other one goes on where the one
    before ended.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._own: Any = None
        self._others: Any = None

    def __enter__(self) -> None:
        self._others = _state()
        if self._own is None:
            random.seed(self._seed)
            np.random.seed(self._seed % 2**32)
            torch.default_generator.manual_seed(
                self._seed
            )  # `torch.manual_seed` would seed the GPUs' generators too
        else:
            _set_state(self._own)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._own = _state()
        _set_state(self._others)


def _state() -> tuple[Any, Any, torch.Tensor]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _set_state(state: tuple[Any, Any, torch.Tensor]) -> None:
    ours, numpys, torchs = state
    random.setstate(ours)
    np.random.set_state(numpys)
    torch.set_rng_state(torchs)
