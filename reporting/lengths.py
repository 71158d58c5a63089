"""The length of a loader, asked so that the training cannot tell that it was."""

from __future__ import annotations

import random
import sys
from typing import Any

LENGTH_NOTE = "_IterableDataset_len_called"
"""Torch's own: a loader notes there what a stream said of its length, and warns when the stream gives more."""


def length_of(loader: Any) -> int | None:
    """Batches of a pass; None for a stream, and for a length that cannot be asked for.

    The code that answers may be anybody's: it may draw random numbers, which are then given back.
    """
    own = getattr(loader, "__dict__", {})
    noted, note = LENGTH_NOTE in own, own.get(LENGTH_NOTE)
    numpy, torch = sys.modules.get("numpy.random"), sys.modules.get("torch.random")
    of_torch = torch.get_rng_state() if torch is not None else None
    of_python = random.getstate()
    of_numpy = numpy.get_state() if numpy is not None else None
    try:
        length = len(loader)
    except Exception:  # noqa: BLE001 - a stream; or the dataset's own code, whose fault is not for us to raise
        return None
    finally:
        if torch is not None:
            torch.set_rng_state(of_torch)
        random.setstate(of_python)
        if numpy is not None:
            numpy.set_state(of_numpy)
        if noted:
            setattr(loader, LENGTH_NOTE, note)
    return length if length > 0 else None
