"""What each rank has of its own in a checkpoint, gathered on rank 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist

from ..metrics.events import AnyEvent, encode_events


def gather_rank_states(
    rng: dict[str, Any], loss_sum: torch.Tensor, events: Sequence[AnyEvent], group: dist.ProcessGroup | None
) -> list[dict[str, Any]]:
    """The states of all ranks, in rank order; every rank must call it, and rank 0 gets them.

    `loss_sum` is what the rank has summed up of its epoch, on the CPU, `events` what it told the recorder last.
    """
    told = torch.frombuffer(bytearray(encode_events(list(events))), dtype=torch.uint8)
    own = {"rng": rng, "loss_sum": loss_sum, "events": told}
    if group is None:
        return [own]
    states: list[Any] = [None] * dist.get_world_size(group)
    dist.gather_object(own, states if dist.get_rank(group) == 0 else None, group=group)
    return states
