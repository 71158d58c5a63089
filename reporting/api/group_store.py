"""What the ranks of a process group met by: the one private part of torch that the API needs, and does without.

torch has no public way to a group's store; its address is what no other job of the machine has.
"""

from __future__ import annotations

import sys
from typing import Any


def group_store() -> str:
    """The address or the file of the default group's store; empty where there is none, or it does not tell."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return ""
    get_store = getattr(getattr(distributed, "distributed_c10d", None), "_get_default_store", None)
    store = get_store() if get_store is not None else None
    while (below := getattr(store, "underlying_store", None)) is not None:
        store = below
    parts = [str(getattr(store, name, "")) for name in ("host", "port", "path")]
    return ":".join(parts) if any(parts) else ""
