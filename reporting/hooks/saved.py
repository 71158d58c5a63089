"""What the nodes of a graph saved, read so that the training cannot tell that it was.

Activation checkpointing and offloading have `saved_tensors_hooks`: reading what those hold runs a part of the model
again, with new random numbers and running means, or moves memory. So nothing of theirs is read.

`_saved_NAME` and `_raw_saved_NAME` are torch's own, documented for such hooks only. In older versions a tensor does
not tell whether a hook holds it; there nothing is read any more once any hook was set in the process.
"""

from __future__ import annotations

from typing import Any

import torch

AUTOGRAD: Any = getattr(torch._C, "_autograd", None)

_told = hasattr(getattr(AUTOGRAD, "SavedTensor", None), "unpack_hook")
"""Whether a saved tensor tells if a hook holds it."""
_any_hooks = False


def watch_saved_hooks() -> None:
    """Where tensors do not tell, notice the first hook that is set."""
    if _told or AUTOGRAD is None:
        return
    for owner, name in ((AUTOGRAD, "_push_saved_tensors_default_hooks"), (AUTOGRAD.SavedTensor, "register_hooks")):
        setattr(owner, name, _noticed(getattr(owner, name)))


def _noticed(original: Any) -> Any:
    def set_hooks(*arguments: Any, **options: Any) -> Any:
        global _any_hooks
        _any_hooks = True
        return original(*arguments, **options)

    return set_hooks


def saved_tensor(node: Any, name: str) -> Any:
    """The tensor that a node saved; None where there is none, it is gone, or a hook of the script holds it."""
    raw = getattr(node, "_raw_saved_" + name, None)
    if raw is None or (raw.unpack_hook is not None if _told else _any_hooks):
        return None
    try:
        return getattr(node, "_saved_" + name, None)
    except RuntimeError:  # freed by a backward, or changed in place since
        return None
