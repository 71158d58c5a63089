"""Checkpoints: written whole or not at all, and read with ``weights_only=True`` only."""

from __future__ import annotations

import os
import pickle
import random
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import torch.distributed as dist

from ..metrics.events import AnyEvent, decode_events, encode_events
from ..metrics.records import Start

FORMAT = 2
KINDS = ("last", "best")
"""In the order in which a resume looks for one that can be read."""

TYPES = {
    "epoch": int,
    "batches_done": int,
    "epoch_finished": bool,
    "world_size": int,
    "config": dict,
    "ranks": list,
    "step": int,
    "best_score": float,
    "best_epoch": int,
    "model": dict,
    "optimizer": dict,
    "scaler": dict,
}
"""What a checkpoint holds at least."""


class CheckpointError(Exception):
    """A file is no whole checkpoint of ours."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that can be read; its tensors stay on the disk until they are used."""

    path: Path
    state: dict[str, Any]

    @property
    def start(self) -> Start:
        """Where the next attempt takes up the work."""
        state = self.state
        if state["epoch_finished"]:
            return Start(state["epoch"] + 1, 0, state["step"])
        return Start(state["epoch"], state["batches_done"], state["step"])

    @property
    def world_size(self) -> int:
        """Ranks that wrote it."""
        return int(self.state["world_size"])

    def last_events(self) -> list[AnyEvent]:
        """What its ranks had told the recorder last."""
        return [event for rank in self.state["ranks"] for event in decode_events(rank["events"].numpy().tobytes())]


def read_checkpoint(path: Path, *, check: bool = True) -> Checkpoint:
    """Read a checkpoint, with `check` all of its checksums; raises `CheckpointError` or `FileNotFoundError`.

    Never runs code from the file: `torch.load` with ``weights_only=True``.
    """
    try:
        if check:
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise CheckpointError(damaged)
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise CheckpointError(_first_line(error)) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"format {state.get('format') if isinstance(state, dict) else type(state).__name__}")
    wrong = [name for name, kind in TYPES.items() if not isinstance(state.get(name), kind)]
    if wrong:
        raise CheckpointError(", ".join(wrong))
    checkpoint = Checkpoint(path, state)
    try:
        checkpoint.last_events()
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError) as error:
        raise CheckpointError(f"ranks: {_first_line(error)}") from error
    return checkpoint


def find_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[tuple[Path, str]]]:
    """The checkpoint to resume from, None if there is none; and those that cannot be read, with the reason."""
    damaged: list[tuple[Path, str]] = []
    for kind in KINDS:
        path = folder / f"{kind}.pt"
        try:
            return read_checkpoint(path), damaged
        except FileNotFoundError:
            continue
        except CheckpointError as error:
            damaged.append((path, str(error)))
    return None, damaged


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write `state` beside `path`, make the disk keep it, then put it in place; raises `OSError`."""
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # someone may have tidied up
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except RuntimeError as error:  # what torch's zip writer makes of a full disk
        temporary.unlink(missing_ok=True)
        raise OSError(_first_line(error)) from error
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


def set_rng_state(state: dict[str, Any]) -> None:
    """Put every random generator of this process into a state that `rng_state` told."""
    random.setstate(_as_tuple(state["python"]))
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def gather_rank_states(
    rng: dict[str, Any], loss_sum: torch.Tensor, events: Sequence[AnyEvent], group: dist.ProcessGroup | None
) -> list[dict[str, Any]]:
    """What each rank has of its own, in rank order; every rank must call it, and rank 0 gets it.

    `loss_sum` is what the rank has summed up of its epoch, on the CPU, `events` what it told the recorder last.
    """
    told = torch.frombuffer(bytearray(encode_events(list(events))), dtype=torch.uint8)
    own = {"rng": rng, "loss_sum": loss_sum, "events": told}
    if group is None:
        return [own]
    states: list[Any] = [None] * dist.get_world_size(group)
    dist.gather_object(own, states if dist.get_rank(group) == 0 else None, group=group)
    return states


def _as_tuple(state: Any) -> Any:
    return tuple(_as_tuple(part) for part in state) if isinstance(state, (list, tuple)) else state


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
