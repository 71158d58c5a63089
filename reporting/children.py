"""Whether this process is a child that `multiprocessing` started, which may only load data."""

from __future__ import annotations

import multiprocessing


def is_child() -> bool:
    """Also while a spawned one still imports the main module, when `parent_process` does not know it yet.

    multiprocessing itself looks at this private mark then; without it such a child is known a moment later.
    """
    return multiprocessing.parent_process() is not None or getattr(
        multiprocessing.current_process(), "_inheriting", False
    )
