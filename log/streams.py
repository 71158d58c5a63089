"""The standard streams of a command: closed, full, in another encoding, or with a reader that has left."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import sys
from typing import Any, TextIO


def prepare_streams() -> None:
    """Let descriptors 0 to 2 and Python's streams on them be there, and make every text printable.

    Call it before anything is opened: a file that is opened while a standard descriptor is closed would get its
    number, and with it all that is printed there. What an encoding does not have is shown with escapes.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is `fd`
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_to(stream: TextIO | None, text: str) -> None:
    """Print a line to a stream that may be closed, full, of another encoding, or without a reader."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):  # whom to tell that nothing can be told?
        try:
            print(text, file=stream, flush=True)
        except UnicodeEncodeError:
            print(text.encode("ascii", "backslashreplace").decode("ascii"), file=stream, flush=True)


def print_json(value: Any) -> None:
    """Print a value as JSON, in escapes where the encoding of stdout does not have all characters."""
    whole = sys.stdout is not None and sys.stdout.encoding.lower().replace("-", "").startswith("utf")
    print(json.dumps(value, ensure_ascii=not whole, indent=2, allow_nan=False))


def reader_has_left() -> bool:
    """Whether nobody reads stdout any more."""
    poll = select.poll()
    poll.register(1, select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def give_up_stdout() -> None:
    """Let go of what could not be written, as Python would complain about it at its end."""
    if sys.stdout is not None:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        os.close(devnull)
