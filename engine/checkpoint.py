"""Checkpoints: written whole or not at all, and loadable with ``weights_only=True``."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

FORMAT = 1


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write `state` beside `path`, make the disk keep it, then put it in place; raises `OSError`."""
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except RuntimeError as error:  # what torch's zip writer makes of a full disk
        temporary.unlink(missing_ok=True)
        raise OSError(str(error).splitlines()[0]) from error
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def rng_state() -> dict[str, Any]:
    """Every random generator of this process, in types that ``weights_only`` loading accepts."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, gauss),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def gather_rng_states(group: dist.ProcessGroup | None) -> list[dict[str, Any]]:
    """The generators of all ranks in rank order; every rank must call it, and rank 0 gets them."""
    own = rng_state()
    if group is None:
        return [own]
    states: list[Any] = [None] * dist.get_world_size(group)
    dist.gather_object(own, states if dist.get_rank(group) == 0 else None, group=group)
    return states


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
