"""Tells an exception that a rank raised by itself from one that only says that another rank is gone."""

from __future__ import annotations

import traceback
from pathlib import Path

import torch
import torch.distributed as dist

OF_GROUPS = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "tcpstore", "socket")
"""In the message of an exception that a group of torch raised."""

TIMED_OUT = ("timed out", "timeout")

_TORCH = str(Path(torch.__file__).parent)


def victim_of(error: BaseException, message: str) -> str:
    """`lost` if the error only tells that another rank is gone, `waited` if one does not come; else empty.

    Others say "timed out" too, a download for instance: only what torch itself raised about its groups counts.
    """
    text = message.lower()
    if not isinstance(error, RuntimeError) or not _raised_in_torch(error):
        return ""
    if not isinstance(error, getattr(dist, "DistError", ())) and not any(word in text for word in OF_GROUPS):
        return ""
    return "waited" if any(word in text for word in TIMED_OUT) else "lost"


def _raised_in_torch(error: BaseException) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_code.co_filename.startswith(_TORCH)
