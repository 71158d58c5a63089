"""What an exception says, whatever its class is like."""

from __future__ import annotations

import re

_IN_WORKER = re.compile(r"Caught \w+ in (?:DataLoader worker process|pin memory thread|replica)\b.*\nOriginal ")


def message_of(error: BaseException) -> str:
    """The text of an exception; empty if it has none, or cannot be said.

    torch rebuilds what a worker raised with a whole traceback as its text: its last line is what was raised there.
    """
    try:
        message = str(error)
    except Exception as broken:  # noqa: BLE001 - the exception's own code
        return f"({type(broken).__name__} in __str__)"
    if _IN_WORKER.match(message):
        return message.strip().splitlines()[-1]
    return message
