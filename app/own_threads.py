"""How the threads of a command that asks a network wait for one another."""

from __future__ import annotations

import os


def wait_without_spinning() -> None:
    """Leave the cores to others while they wait; to be called before torch is imported.

    Threads that spin make it 14 times as slow where others need the cores too.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
