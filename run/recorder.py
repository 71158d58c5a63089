"""Takes what the ranks sent into the aggregator.

It runs in a thread of the run process and never waits for a reader: files take what they can, the console has a
thread of its own, watchers read the journal.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

import msgspec

from ..log.catalogue import Catalogue
from ..metrics.events import Hello, decode_events
from ..metrics.records import Notice, RunEnded
from ..reporting.event_queue import EventQueue
from .aggregator import Aggregator
from .attempt_info import AttemptInfo
from .listener import SocketQueue

PERIOD_SECONDS = 0.08
"""Between two looks at the queues. Each look finds cold caches, which costs more than the work on a few batches."""

SETTLE = object()
"""A request to wait no longer for ranks that have not said hello."""

FLUSH_SECONDS = 0.1
"""The longest that a line or row may wait to be written while messages never pause."""


class Queue(Protocol):
    """Where the messages of one rank come from."""

    @property
    def ended(self) -> bool:
        """Nothing more will come."""

    @property
    def gone(self) -> bool:
        """Whoever sends them has ended, though not all may be taken yet."""

    def take(self) -> list[bytes]:
        """The messages that have come, in their order."""

    def close(self) -> None:
        """Take nothing more."""


class Recorder:
    """Records one attempt. `close` returns when all that the ranks sent is on the disk."""

    def __init__(
        self, attempt: AttemptInfo, queues: Sequence[Queue], catalogue: Catalogue, stdout: TextIO | None
    ) -> None:
        """Open the files of the run; raises `OSError`. Without `stdout` there is no console."""
        self.folder = attempt.folder
        self.aggregator = Aggregator(attempt, catalogue, stdout)
        """What the ranks have told so far; other threads only read it."""
        self.crash: BaseException | None = None
        """A fault of the recorder itself."""
        self.lost: dict[Path, int] = {}
        """Rows that could not be written, by file; known after `close`."""
        self._queues = list(queues)
        self._owners: dict[int, tuple[Queue, int]] = {}
        """Where each rank's events come from, and its process."""
        self._of_process: dict[int, list[SocketQueue]] = {}
        """The connections of each process, in their order."""
        self._refused: list[Queue] = []
        """Those of processes that say to be a rank which another one is."""
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def emit(self, kind: str, level: str = "info", **fields: str | int | float) -> None:
        """Add a line of our own, on screen, in the log and in the journal."""
        self._requests.put(Notice(kind, level, dict(fields), at=time.time()))

    def set_interval(self, interval: int) -> None:
        """Change the log interval of the console and of every watcher."""
        self._requests.put(interval)

    def add_queue(self, queue: Queue) -> None:
        """Take the messages of another rank too."""
        if isinstance(queue, SocketQueue) and queue.pid:
            self._of_process.setdefault(queue.pid, []).append(queue)
        self._queues.append(queue)

    @property
    def open_queues(self) -> int:
        """How many ranks may still send something."""
        return sum(not one.ended for one in self._queues)

    def settle_ranks(self) -> None:
        """Wait no longer for ranks that have not said hello."""
        self._requests.put(SETTLE)

    def drain(self) -> None:
        """The ranks are gone: take all that they sent. What a dying rank tore is left out."""
        taken = threading.Event()
        self._requests.put(taken)
        while self._thread.is_alive() and not taken.wait(PERIOD_SECONDS):
            pass

    def close(self, state: str, reason: str = "") -> RunEnded:
        """Write what is left and how the run ended, then close the files; call it after `drain`.

        `state` is that of `RunEnded`. `reason` says what failed, and may have several lines.
        """
        self._requests.put(None)
        self._thread.join()
        if self.crash is not None:
            raise self.crash
        ended = self.aggregator.end(state, reason)
        self.lost = self.aggregator.sinks.close()
        return ended

    # ---- the recorder's thread ----------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            more = False
            while self._handle_next_request(patience=0 if more else PERIOD_SECONDS):
                more = self._take_messages()
        except BaseException as error:  # noqa: BLE001 - the run process raises it
            self.crash = error

    def _handle_next_request(self, patience: float) -> bool:
        """Wait for a request as long as `patience` lasts; False when told to end."""
        try:
            request = self._requests.get(timeout=patience)
        except queue.Empty:
            return True
        if isinstance(request, Notice):
            self.aggregator.writer.emit_notice(request)
        elif request is SETTLE:
            self.aggregator.settle_ranks()
        elif isinstance(request, int):
            self.aggregator.writer.set_interval(request)
        elif request is not None:
            while self._take_messages():
                pass
            request.set()
        return request is not None

    def _take_messages(self) -> bool:
        """Take what has come, for `FLUSH_SECONDS` at most, and write it down; whether there may be more."""
        until = time.monotonic() + FLUSH_SECONDS
        more = True
        while more and time.monotonic() < until:
            taken = [self._take_from(one) for one in self._queues]
            more = any(taken)
        self.aggregator.record_rank_states()
        self.aggregator.sinks.flush()
        return more

    def _take_from(self, one: Queue) -> bool:
        messages = one.take()
        if messages and isinstance(one, SocketQueue):
            self._take_earlier(one)
        for message in messages:
            try:
                events = decode_events(message)
            except msgspec.DecodeError:
                if isinstance(one, EventQueue):  # the other end is one of ours
                    raise
                one.close()
                self.aggregator.writer.emit("garbage", "warning")
                return False
            for event in events:
                if isinstance(event, Hello) and self._is_twice(one, event):
                    self._refused.append(one)
                    self.aggregator.writer.emit("rank_twice", "warning", rank=event.rank, pid=event.pid)
                if one not in self._refused:
                    self.aggregator.handle(event)
        return bool(messages)

    def _take_earlier(self, one: SocketQueue) -> None:
        """First what the same process sent by an earlier connection: by hooks from which two lines took over."""
        for other in self._of_process.get(one.pid, ()):
            if other is one:
                return
            while not other.ended and self._take_from(other):
                pass

    def _is_twice(self, one: Queue, hello: Hello) -> bool:
        """Whether another process that is still there reports as this rank: then nobody knows whose a batch is."""
        owner, pid = self._owners.get(hello.rank, (one, hello.pid))
        if pid != hello.pid and not owner.gone:
            return True
        self._owners[hello.rank] = one, hello.pid
        return False
