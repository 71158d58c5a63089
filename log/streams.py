"""The standard streams of a command: closed, full, in another encoding, or with a reader that has left."""

from __future__ import annotations

import io
import json
import os
import select
import sys
from typing import Any, TextIO

FULL_PIPE_MILLISECONDS = 200
"""How long a line of ours waits for a stderr that is full."""


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
    try:
        try:
            print(text, file=stream, flush=True)
        except UnicodeEncodeError:
            print(text.encode("ascii", "backslashreplace").decode("ascii"), file=stream, flush=True)
    except (OSError, ValueError):  # whom to tell that nothing can be told?
        if stream is sys.stderr:
            give_up_stderr()


def say_line(text: str) -> None:
    """Say a line on stderr in a process that is not ours; it is left out where stderr does not take it at once.

    It goes past Python's buffer, as Python tries what is left there once more at its end, and exits with 120 if a
    full disk does not take it.
    """
    stream: Any = sys.stderr
    try:
        if stream is None:
            return
        line = f"{text}\n".encode(_encoding(stream), "backslashreplace")
        descriptor = _descriptor(stream)
        if descriptor is None:
            stream.write(line.decode(_encoding(stream)))
        elif _takes(descriptor):
            stream.flush()
            os.write(descriptor, line)
    except Exception:  # noqa: BLE001 - it may be anybody's object, and no line of ours is worth a training
        return


def can_say(text: str) -> bool:
    """Whether stderr has all characters of a text."""
    try:
        text.encode(_encoding(sys.stderr))
    except UnicodeError:
        return False
    return True


def _encoding(stream: Any) -> str:
    encoding = getattr(stream, "encoding", None)
    return encoding if isinstance(encoding, str) else "utf-8"


def _descriptor(stream: Any) -> int | None:
    """Of a stream as Python makes it; None for one that somebody put in its place."""
    try:
        return stream.fileno() if isinstance(stream, io.TextIOWrapper) else None
    except io.UnsupportedOperation:
        return None


def _takes(descriptor: int) -> bool:
    """Whether a line can be written without a wait, and without the signal that the end of a pipe may send."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    events = poll.poll(FULL_PIPE_MILLISECONDS)
    return bool(events) and not events[0][1] & (select.POLLERR | select.POLLHUP | select.POLLNVAL)


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
        _give_up(1)


def give_up_stderr() -> None:
    """As with stdout: a full disk would make 120 of the exit code."""
    if sys.stderr is not None:
        _give_up(2)


def _give_up(descriptor: int) -> None:
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, descriptor)
    os.close(devnull)
