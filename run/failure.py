"""Who is to blame when ranks die: the first that failed by itself, not one that merely lost it or waited for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..metrics.events import RankFailed
from ..metrics.records import Notice
from .rank_exit import RankExit
from .signals import signal_name

HINTS = {
    "outofmemory": "hint_memory",
    "can't allocate memory": "hint_memory",
    "memoryerror": "hint_memory",
    "dataloader worker": "hint_loader",
    "shared memory": "hint_loader",
    "</torch_": "hint_loader",
    "too many open files": "hint_files",
    "ancdata": "hint_files",
    "expected more than 1 value per channel": "hint_batchnorm",
    "stack expects each tensor to be equal size": "hint_collate",
    "expected to have finished reduction": "hint_unused",
}
"""By words in the message of a rank that raised."""

CUT_OFF = ("ConnectionResetError", "EOFError")
"""What a loader raises when a worker is gone in the middle of a message."""
LOADER = "torch/utils/data/"
SIGNAL_HINTS = ("SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS")


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed."""

    cause: Notice
    hint: str
    """Key of a text of the catalogue; empty if there is none."""
    traceback: str
    """Of the culprit; empty if it was killed."""
    culprit: int | None
    victims: tuple[int, ...]


def find_failure(
    exits: Sequence[RankExit],
    errors: Mapping[int, RankFailed],
    finished: Collection[int],
    world_size: int,
    launch_error: str,
) -> Failure | None:
    """The failure of an attempt, None if all of its ranks said that they finished, however they ended then.

    `exits` tells of each rank's process, `errors` and `finished` are the last words, by rank.
    """
    if len(finished) == world_size:
        return None
    if not exits:
        return Failure(_notice("failed_launch", message=launch_error or "?"), "", "", None, ())
    victims = {rank: error for rank, error in errors.items() if error.victim}
    raised = [error for rank, error in errors.items() if rank not in victims]
    died = [
        one
        for one in exits
        if one.rank not in errors
        if one.rank not in finished or one.exitcode != 0
        if not one.killed_by_us
    ]
    first_error = min(raised, key=lambda error: error.at, default=None)
    first_death = min(died, key=lambda one: one.at, default=None)
    if first_error is not None and (first_death is None or first_error.at <= first_death.at):
        hint = first_error.hint or _hint(first_error)
        others = _without(victims, first_error.rank)
        return Failure(_cause(first_error), hint, first_error.traceback, first_error.rank, others)
    if first_death is not None:
        return _death(first_death, finished, _without(victims, first_death.rank))
    return _waiting(exits, victims, finished)


def _death(one: RankExit, finished: Collection[int], victims: tuple[int, ...]) -> Failure:
    """A rank's process ended without a word."""
    if one.exitcode < 0:
        name = signal_name(-one.exitcode)
        hint = f"hint_{name}" if name in SIGNAL_HINTS else ""
        return Failure(_notice("failed_signal", rank=one.rank, signal=name), hint, "", one.rank, victims)
    kind = "failed_early" if one.rank not in finished else "failed_exit"
    return Failure(_notice(kind, rank=one.rank, code=one.exitcode), "", "", one.rank, victims)


def _waiting(
    exits: Sequence[RankExit], victims: Mapping[int, RankFailed], finished: Collection[int]
) -> Failure | None:
    """All that is known is who waited for whom."""
    silent = sorted({one.rank for one in exits} - victims.keys() - set(finished))
    if not victims:  # a command to end at once
        return None
    first = min(victims.values(), key=lambda error: (error.victim != "waited", error.at))
    if not silent:
        return Failure(_notice("failed_deadlock", error=_last_line(first.message)), "hint_hang", "", first.rank, ())
    ranks = ", ".join(map(str, silent))
    cause = _notice("failed_hang", ranks=ranks, error=_last_line(first.message))
    return Failure(cause, "hint_hang", "", silent[0], tuple(sorted(victims)))


def _without(victims: Iterable[int], culprit: int) -> tuple[int, ...]:
    return tuple(sorted(rank for rank in victims if rank != culprit))


def _cause(error: RankFailed) -> Notice:
    told: dict[str, str | int] = {"rank": error.rank, "error": error.error, "message": error.message}
    if error.epoch:
        told["epoch"] = error.epoch
    return _notice(error.kind, **told)


def _hint(error: RankFailed) -> str:
    said = f"{error.error} {error.message}".lower()
    if error.error in CUT_OFF and LOADER in error.traceback:  # a worker was killed while it sent a batch
        return "hint_loader"
    return next((hint for words, hint in HINTS.items() if words in said), "")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _notice(kind: str, **fields: str | int) -> Notice:
    return Notice(kind=kind, level="error", fields=dict(fields))
