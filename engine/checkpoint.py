"""Checkpoints: written whole or not at all, and read with ``weights_only=True`` only.

``last.pt`` is written when an epoch is trained, before it is validated, so that a validation that fails costs no
training. What the validation adds is small, and goes to ``validated.pt`` beside it: a big model is written once.
The two belong together by an id; without a fitting ``validated.pt``, a resume validates again.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from ..metrics.events import AnyEvent, decode_events
from ..metrics.records import Start
from .messages import message_of
from .task import some_of

FORMAT = 2
KINDS = ("last", "best")
"""In the order in which a resume looks for one that can be read."""

VALIDATED = "validated.pt"
"""The file of what a validation adds to last.pt."""

ADDED_TYPES = {"epoch_finished": bool, "best_score": float, "best_epoch": int, "ranks": list}
"""What is in it, beside the id of its last.pt, and ``schedule`` if the learning rates go by epochs or scores."""

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


EXTRA_STATE = "_extra_state"
"""How torch names what a module keeps beside parameters and buffers."""


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
    checkpoint = _checked(path, _load(path, check=check))
    if checkpoint.state["epoch_finished"] or "id" not in checkpoint.state:
        return checkpoint
    return _with_validation(checkpoint, check=check)


def _load(path: Path, *, check: bool) -> dict[str, Any]:
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
    return state


def _checked(path: Path, state: dict[str, Any]) -> Checkpoint:
    wrong = [name for name, kind in TYPES.items() if not isinstance(state.get(name), kind)]
    if wrong:
        raise CheckpointError(", ".join(wrong))
    checkpoint = Checkpoint(path, state)
    try:
        checkpoint.last_events()
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError) as error:
        raise CheckpointError(f"ranks: {_first_line(error)}") from error
    return checkpoint


def _with_validation(checkpoint: Checkpoint, *, check: bool) -> Checkpoint:
    """With what the validation of its epoch added, if there is such a file and it is whole."""
    path, state = checkpoint.path, checkpoint.state
    try:
        added = _load(path.with_name(VALIDATED), check=check)
        if added.get("id") == state["id"]:
            validated = _checked(path, {**state, **{name: added.get(name) for name in ADDED_TYPES}})
            return _with_schedule(validated, added.get("schedule"))
    except (FileNotFoundError, CheckpointError):  # the epoch is validated again, and nothing is lost
        return checkpoint
    return checkpoint


def _with_schedule(checkpoint: Checkpoint, schedule: dict[str, Any] | None) -> Checkpoint:
    """With the learning rates that the end of its epoch gave, if it gave others."""
    if schedule is None:
        return checkpoint
    optimizer = {**checkpoint.state["optimizer"], "param_groups": schedule["param_groups"]}
    state = {**checkpoint.state, "optimizer": optimizer, "scheduler": schedule["scheduler"]}
    return Checkpoint(checkpoint.path, state)


def find_checkpoint(folder: Path, *, check: bool = True) -> tuple[Checkpoint | None, list[tuple[Path, str]]]:
    """The checkpoint to resume from, None if there is none; and those that cannot be read, with the reason.

    With `check`, all of their checksums are looked at.
    """
    damaged: list[tuple[Path, str]] = []
    for kind in KINDS:
        path = folder / f"{kind}.pt"
        try:
            return read_checkpoint(path, check=check), damaged
        except FileNotFoundError:
            continue
        except CheckpointError as error:
            damaged.append((path, str(error)))
    return None, damaged


def model_differences(model: nn.Module, saved: Mapping[str, Any]) -> str:
    """Names and shapes in which `model` and the saved state of one differ; empty if there are none.

    What else a module keeps has no shape, and is judged by the module when it is loaded.
    """
    now, then = _shapes(model.state_dict()), _shapes(saved)
    names = [name for name in {**now, **then} if now.get(name) != then.get(name)]
    return some_of(
        [f"{name}: checkpoint {then.get(name, '-')}, model {now.get(name, '-')}" for name in names], "; "
    )


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


def _shapes(state: Mapping[str, Any]) -> dict[str, str]:
    return {name: _shape(value) for name, value in state.items() if not name.endswith(EXTRA_STATE)}


def _shape(value: Any) -> str:
    return str(list(value.shape)) if isinstance(value, torch.Tensor) else type(value).__name__


def _first_line(error: BaseException) -> str:
    return (message_of(error).strip().splitlines() or [type(error).__name__])[0]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
