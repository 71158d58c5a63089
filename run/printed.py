"""What a command printed last: the exception that nobody caught, else its last lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .command_output import TAIL_BYTES

MOST_OF_TRACE, MOST_OF_MESSAGE, MOST_LINES = 9, 3, 6
"""Lines of a traceback, of what its message goes on with, and of anything else: a small screen shows them."""
TRACEBACK = "Traceback (most recent call last):"
LAUNCHERS_ERRORS = ("ChildFailedError", "CalledProcessError")
"""With these a launcher says that what it launched has failed, after that has said why."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_RANK = re.compile(r"\[rank\d+\]: ?")
_EXCEPTION = re.compile(r"(?:\w+\.)*(\w+)(?::.*)?")


@dataclass(frozen=True)
class Printed:
    """Lines, and the last exception among what was printed; both may be empty."""

    lines: Sequence[str] = ()
    exception: str = ""


def last_printed(output: Path, tails: Iterable[bytes | bytearray]) -> Printed:
    """What a command printed last: it all is in the file `output`, and the end of each of its streams in `tails`.

    In the file, what one stream brought may stand in the middle of a traceback of the other.
    """
    for tail in tails:
        lines = _lines(tail)
        for start in range(len(lines) - 1, -1, -1):
            if lines[start] == TRACEBACK and (printed := _exception(lines, start)) is not None:
                return printed
    return Printed([line for line in _lines(_end_of(output)) if line.strip()][-MOST_LINES:])


def _end_of(output: Path) -> bytes:
    """The end of the file; nothing if it cannot be read."""
    try:
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - TAIL_BYTES))
            return file.read()
    except OSError:
        return b""


def _lines(data: bytes | bytearray) -> list[str]:
    return [_as_seen(line) for line in data.decode(errors="replace").split("\n")]


def _as_seen(line: str) -> str:
    """A line as a terminal shows it: the last state of a progress bar, no colours, no name of torch's rank."""
    shown = _ESCAPES.sub("", line.rstrip("\r").rpartition("\r")[2])
    return _RANK.sub("", shown, count=1) if _RANK.match(shown) else shown


def _exception(lines: Sequence[str], start: int) -> Printed | None:
    """The exception whose traceback begins at `start`; None if its end is missing, or a launcher raised it."""
    end = _end_of_indented(lines, start + 1)
    match = _EXCEPTION.fullmatch(lines[end]) if end < len(lines) else None
    if match is None or match[1] in LAUNCHERS_ERRORS:
        return None
    trace = lines[start:end]
    if len(trace) > MOST_OF_TRACE:
        trace = [TRACEBACK, "  …", *trace[2 - MOST_OF_TRACE :]]
    rest = lines[end + 1 : min(_end_of_indented(lines, end + 1), end + 1 + MOST_OF_MESSAGE)]
    return Printed([*trace, lines[end], *rest], lines[end])


def _end_of_indented(lines: Sequence[str], start: int) -> int:
    """The first line from `start` on that is not indented."""
    return next((place for place in range(start, len(lines)) if not lines[place][:1].isspace()), len(lines))
