"""The first thing that a rank's process does."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

ANNOUNCEMENT = struct.Struct("<ii")
"""Rank and pid."""


def announced(told: Connection, entry: Callable[..., None], *args: Any) -> None:
    """Say which rank this process is, to the launcher that holds the other end of `told`, then begin."""
    told.send_bytes(ANNOUNCEMENT.pack(int(os.environ["RANK"]), os.getpid()))
    told.close()
    entry(*args)
