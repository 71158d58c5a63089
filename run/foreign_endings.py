"""How a training ended whose processes are not ours: by what its ranks said, and by how their processes ended."""

from __future__ import annotations

from ..metrics.records import Notice
from .aggregator import Aggregator
from .connections import Connections
from .foreign_failure import first_error, raised
from .listener import Listener
from .ranks import Ranks
from .signals import signal_name

STOP_SECONDS = 10.0
"""What a rank raises so long after it was asked to stop is not because of that."""


def failure_of_command(code: int, aggregator: Aggregator, connections: Connections) -> Notice | None:
    """Why a command failed that ended with this exit code, negative for a signal; None if it did not.

    What a rank raised first, else how the command ended.
    """
    if code == 0:
        return None
    ranks = aggregator.ranks
    silent = aggregator.silent_ranks() if ranks.pids else []
    first = first_error(ranks.errors.values())
    if first is not None and not (silent and first.victim):
        return raised(first)
    if code < 0:
        return Notice("command_signal", "error", {"signal": signal_name(-code)})
    if silent:
        if not ranks.came.issuperset(silent):  # when those that never came were gone is unknown
            return Notice("command_ranks_lost", "error", {"code": code, "ranks": ", ".join(map(str, silent))})
        rank = connections.first_gone(ranks, silent)
        return Notice("command_rank_lost", "error", {"code": code, "rank": rank})
    return Notice("command_exit", "error", {"code": code})


def failed_in_spite_of_stop(failure: Notice, ranks: Ranks, asked_at: float) -> bool:
    """Whether it would have failed without the stop too: a rank raised something long after it was asked for."""
    error = first_error(ranks.errors.values())
    return failure.kind == "failed_raised" and error is not None and error.at > asked_at + STOP_SECONDS


def why_no_batch(ranks: Ranks, listener: Listener) -> str:
    """The kind of the notice that says how far the hooks came in a command without a batch."""
    if ranks.pids:
        return "no_batch_step"
    if listener.came("hooked"):
        return "no_batch_loss"
    if listener.came("failed"):
        return "no_batch_hooks"
    return "no_batch_torch" if listener.came("started") else "no_batch_python"


def ending_of_loop(ranks: Ranks, connections: Connections, *, signalled: bool) -> tuple[str, Notice | None]:
    """The state of a loop whose ranks are all gone, and why it failed if it did.

    What a rank raised by itself goes before a rank that is gone without a word, as the launcher ends the others;
    that goes before what a rank raised because it lost another one. `signalled`: a signal asked the ranks to stop.
    """
    first = first_error(ranks.errors.values())
    if first is not None and not first.victim:
        return "failed", raised(first)
    if signalled or "stopped" in ranks.finished.values():
        return "stopped", None
    silent = (ranks.came or {0}) - ranks.errors.keys() - ranks.finished.keys()
    if silent:
        return "failed", Notice("rank_silent", "error", {"rank": connections.first_gone(ranks, silent)})
    return ("finished", None) if first is None else ("failed", raised(first))
