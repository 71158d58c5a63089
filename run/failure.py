"""Who is to blame when ranks die: the first one that did, not the one that merely lost its peer."""

from __future__ import annotations

import signal
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..metrics.events import RankFailed
from ..metrics.records import Notice
from .launcher import RankExit

LOST_PEER = (
    "connection closed by peer",
    "connection reset by peer",
    "connection refused",
    "broken pipe",
    "nccl",
    "peerfailederror",
)
"""In the message of a rank whose collective broke because another rank was gone."""


TIMED_OUT = ("timed out", "timeout")
"""In the message of a rank that waited too long for another one."""

HINTS = {
    "outofmemory": "hint_memory",
    "can't allocate memory": "hint_memory",
    "memoryerror": "hint_memory",
    "dataloader worker": "hint_loader",
}
"""By words in the message of a rank that raised."""


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
    ranks: Mapping[int, int],
    errors: Mapping[int, RankFailed],
    finished: Collection[int],
    world_size: int,
    launch_error: str,
) -> Failure | None:
    """The failure of an attempt, None if all of its ranks finished.

    `exits` are in the order of death, `ranks` maps pids to ranks, `errors` and `finished` are the last words.
    A rank that died before its first word has no pid there: it is the one that is missing.
    """
    if not exits:
        return Failure(_notice("failed_launch", message=launch_error or "?"), "", "", None, ())
    ranks = _with_silent_ranks(ranks, exits, world_size)
    suspects = [
        (exit_, rank)
        for exit_ in exits
        if (rank := ranks[exit_.pid]) not in finished or exit_.exitcode != 0
        if not exit_.killed_by_us
    ]
    if not suspects:
        return None
    hung = _hung(exits, suspects, ranks, errors, finished)
    if hung:
        waiting = tuple(sorted(rank for _, rank in suspects))
        cause = _notice(
            "failed_hang", ranks=", ".join(map(str, hung)), error=_last_line(errors[waiting[0]].message)
        )
        return Failure(cause, "hint_hang", "", hung[0], waiting)
    culprits = [(exit_, rank) for exit_, rank in suspects if not _lost_peer(errors.get(rank))]
    exit_, rank = min(culprits or suspects, key=lambda suspect: _time(suspect[0], errors.get(suspect[1])))
    victims = tuple(sorted(other for _, other in suspects if other != rank and _lost_peer(errors.get(other))))
    error = errors.get(rank)
    if error is not None:
        return Failure(_cause(error), error.hint or _hint(error), error.traceback, rank, victims)
    if exit_.exitcode < 0:
        name = _signal_name(-exit_.exitcode)
        hint = f"hint_{name}" if name in ("SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS") else ""
        return Failure(_notice("failed_signal", rank=rank, signal=name), hint, "", rank, victims)
    kind = "failed_early" if rank not in finished else "failed_exit"
    return Failure(_notice(kind, rank=rank, code=exit_.exitcode), "", "", rank, victims)


def _hung(
    exits: Sequence[RankExit],
    suspects: Sequence[tuple[RankExit, int]],
    ranks: Mapping[int, int],
    errors: Mapping[int, RankFailed],
    finished: Collection[int],
) -> list[int]:
    """The ranks that said nothing until they were killed, when all others died of waiting for them."""
    dead = [errors.get(rank) for _, rank in suspects]
    if not any(_says(error, TIMED_OUT) for error in dead) or not all(
        _says(error, TIMED_OUT + LOST_PEER) for error in dead
    ):
        return []
    silent = {ranks[exit_.pid] for exit_ in exits if exit_.killed_by_us}
    return sorted(silent - errors.keys() - set(finished))


def _with_silent_ranks(ranks: Mapping[int, int], exits: Sequence[RankExit], world_size: int) -> Mapping[int, int]:
    """Elastic starts ranks in their order, so the pids that never spoke are the silent ranks in that order."""
    silent_pids = sorted(exit_.pid for exit_ in exits if exit_.pid not in ranks)
    silent_ranks = sorted(set(range(world_size)) - set(ranks.values()))
    return {**ranks, **dict(zip(silent_pids, silent_ranks, strict=False))}


def _time(exit_: RankExit, error: RankFailed | None) -> float:
    return exit_.at if error is None else error.at


def _cause(error: RankFailed) -> Notice:
    told: dict[str, str | int] = {"rank": error.rank, "error": error.error, "message": error.message}
    if error.epoch:
        return _notice("failed_validation", epoch=error.epoch, **told)
    return _notice("failed_raised", **told)


def _lost_peer(error: RankFailed | None) -> bool:
    return _says(error, LOST_PEER)


def _says(error: RankFailed | None, words: Sequence[str]) -> bool:
    if error is None:
        return False
    message = f"{error.error} {error.message}".lower()
    return any(word in message for word in words)


def _hint(error: RankFailed) -> str:
    return next((hint for words, hint in HINTS.items() if _says(error, (words,))), "")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _notice(kind: str, **fields: str | int) -> Notice:
    return Notice(kind=kind, level="error", fields=dict(fields))
