"""Writes the checkpoints of a loop: every rank takes part, rank 0 writes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from ..metrics.events import Saved, SaveFailed
from ..reporting.reporter import Reporter
from .checkpoint import (
    ADDED_TYPES,
    FORMAT,
    VALIDATED,
    Checkpoint,
    CheckpointError,
    read_checkpoint,
    save_atomically,
)
from .config import TrainConfig, config_values
from .epoch_loss import EpochLoss
from .patience import Patience
from .random_state import rng_state
from .rank_states import gather_rank_states
from .training import Training


class Saver:
    """The checkpoints of one rank."""

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        training: Training,
        epoch_loss: EpochLoss,
        *,
        rank: int,
        group: dist.ProcessGroup | None,
        patience: Patience,
        reporter: Reporter,
    ) -> None:
        """`group` is a gloo group of all ranks, None for a single one."""
        self._folder = folder
        self._config = config
        self._training = training
        self._epoch_loss = epoch_loss
        self._rank = rank
        self._group = group
        self._patience = patience
        self._reporter = reporter
        self._world_size = 1 if group is None else dist.get_world_size(group)
        self._checked = False
        self._unfinished: tuple[int, str] | None = None
        """Step and id of a last.pt whose epoch is not finished; on rank 0."""

    def restored(self, checkpoint: Checkpoint) -> None:
        """Tell what the loop went on from."""
        state = checkpoint.state
        if checkpoint.path.name == "last.pt" and not state["epoch_finished"] and "id" in state:
            self._unfinished = (state["step"], state["id"])

    def save(
        self,
        kinds: Sequence[str],
        epoch: int,
        done: int,
        *,
        finished: bool,
        rng: dict[str, Any] | None = None,
    ) -> bool:
        """Write last.pt or best.pt or both; whether all that was to be written is on the disk, on every rank.

        `done` is the number of batches of `epoch` that the weights have seen; `finished` says that validation is
        behind them too. `rng` is the state of the random generators, if it is not that of now.
        """
        told = (rng or rng_state(), self._epoch_loss.sums(), self._reporter.last_events())
        with self._patience.saving():
            ranks = gather_rank_states(*told, self._group)
            written = True
            if self._rank == 0:
                state = self._state(epoch, done, ranks, finished=finished)
                failed = [kind for kind in kinds if not self._write(kind, state)]
                written = not failed
            return self._from_rank_0(written)

    def _state(self, epoch: int, done: int, ranks: list[dict[str, Any]], *, finished: bool) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "id": secrets.token_hex(8),
            "epoch": epoch,
            "batches_done": done,
            "epoch_finished": finished,
            "config": config_values(self._config),
            "world_size": self._world_size,
            "ranks": ranks,
            **self._training.state(),
        }

    def _write(self, kind: str, state: dict[str, Any]) -> bool:
        if kind == "last" and state["epoch_finished"] and self._unfinished is not None:
            step, id_ = self._unfinished
            if step == state["step"]:
                return self._write_validated(state, id_)
        path = self._folder / f"{kind}.pt"
        began = time.monotonic()
        try:
            save_atomically(state, path)
            self._check_once(path)
        except (OSError, CheckpointError) as error:
            self._failed(kind, error)
            return False
        self._reporter.send(Saved(0, kind, time.monotonic() - began))
        if kind == "last":
            self._unfinished = None if state["epoch_finished"] else (state["step"], state["id"])
        return True

    def _write_validated(self, state: dict[str, Any], id_: str) -> bool:
        """The weights are in last.pt already, whose id is `id_`: beside it, what the validation added."""
        added = {"format": FORMAT, "id": id_, **{name: state[name] for name in ADDED_TYPES}}
        if state["scheduler"] is not None:
            groups = state["optimizer"]["param_groups"]
            added["schedule"] = {"scheduler": state["scheduler"], "param_groups": groups}
        try:
            save_atomically(added, self._folder / VALIDATED)
        except OSError as error:
            self._failed(Path(VALIDATED).stem, error)
            return False
        return True

    def _failed(self, kind: str, error: OSError | CheckpointError) -> None:
        self._reporter.send(SaveFailed(0, kind, str(getattr(error, "strerror", None) or error)))

    def _check_once(self, path: Path) -> None:
        """A task's optimizer or scheduler may hold what no safe reader takes: better told now than later."""
        if not self._checked:
            read_checkpoint(path, check=False)
            self._checked = True

    def _from_rank_0(self, written: bool) -> bool:
        """What rank 0 says, on every rank, once all have come here."""
        if self._group is None:
            return written
        word = torch.tensor([written or self._rank != 0], dtype=torch.int64)
        dist.all_reduce(word, op=dist.ReduceOp.MIN, group=self._group)
        return bool(word.item())
