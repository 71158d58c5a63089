"""What is known of the ranks of an attempt: who came, who reports, how each of them ended."""

from __future__ import annotations

import time

from ..metrics.events import BatchEvent, Finished, Hello, Introduced, RankFailed, Standing
from ..metrics.records import RankState
from .late_ranks import LateRanks

STATES_SECONDS = 0.1
"""Seconds between two states of the ranks in the journal."""


class Ranks:
    """The ranks as they tell of themselves."""

    def __init__(self) -> None:
        self.pids: dict[int, int] = {}
        """Rank by process id."""
        self.reporting: set[int] = set()
        """Those that have told a batch."""
        self.first_batch_at = 0.0
        """When the first of them did, by `time.monotonic()`; 0 before."""
        self.late = LateRanks()
        self.standings: dict[int, Standing] = {}
        """The newest answer of each to a question of the run process."""
        self.told_world_size = 1
        """As many as one of somebody else's training says that there are."""
        self.errors: dict[int, RankFailed] = {}
        """Last words of those that raised."""
        self.finished: dict[int, str] = {}
        """Last words of those that did all they should."""
        self.left_over = False
        """One of these has threads or processes that do not end."""
        self._newest: dict[int, BatchEvent] = {}
        """Of each rank, since its state was taken last."""
        self._states_at = 0.0

    @property
    def came(self) -> set[int]:
        """Those that said hello."""
        return set(self.pids.values())

    def others_may_come(self) -> bool:
        """Whether somebody else's training told of ranks that have not come, and may still."""
        return self.late.settled is None and self.told_world_size > len(self.came)

    def may_settle(self, seconds: float) -> bool:
        """Whether the ranks have had so long, since the first batch of any, to tell one, and it is not settled."""
        return self.late.settled is None and 0 < self.first_batch_at < time.monotonic() - seconds

    def silent(self, world_size: int) -> list[int]:
        """Of so many ranks those that have not said how they ended; some may not even have said hello."""
        return sorted(set(range(world_size)) - self.errors.keys() - self.finished.keys())

    def batch(self, event: BatchEvent) -> None:
        """A rank has done a batch."""
        self._newest[event.rank] = event
        if not self.reporting:
            self.first_batch_at = time.monotonic()
        self.reporting.add(event.rank)

    def new_states(self) -> list[RankState]:
        """The newest batch of each rank that has done one since; at most every `STATES_SECONDS`."""
        now = time.monotonic()
        if not self._newest or now - self._states_at < STATES_SECONDS:
            return []
        self._states_at = now
        events, self._newest = self._newest, {}
        return [
            RankState(
                rank,
                event.step,
                event.loss,
                event.step_seconds,
                event.data_wait_seconds,
                event.busy_seconds,
                time.time(),
            )
            for rank, event in events.items()
        ]

    def take(self, event: Hello | Introduced | Standing | RankFailed | Finished) -> None:
        """A rank tells of itself."""
        match event:
            case Hello():
                self.pids[event.pid] = event.rank
            case Introduced():
                self.told_world_size = max(self.told_world_size, event.world_size)
            case Standing():
                self.standings[event.rank] = event
            case RankFailed():
                self.errors[event.rank] = event
            case Finished():
                self.finished[event.rank] = event.status
                self.left_over |= event.left_over
